// SPDX-License-Identifier: Apache-2.0

package control

import (
	"regexp"
	"slices"
)

// dateForm is a date written in figures, which next to words of birth is masked.
var dateForm = regexp.MustCompile(`\b[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}\b`)

// Personal lists the kinds of personal data that stand in a text, by the
// detectors of the function of that name in controls.
func Personal(text string) []string { return slices.Sorted(slices.Values(newText(text).personal())) }

// Mask puts with in the place of all personal data that [Personal] recognises.
// What it does not recognise stays: a name, for one.
func Mask(text, with string) string {
	for _, kind := range Personal(text) {
		switch kind {
		case "email":
			text = emailForm.ReplaceAllString(text, with)
		case "phone":
			text = phoneForm.ReplaceAllString(text, with)
		case "birth_date":
			text = dateForm.ReplaceAllString(text, with)
		case "card":
			text = maskIf(cardForm, text, with, luhn)
		case "iban":
			text = maskIf(ibanForm, text, with, iban)
		}
	}
	return text
}

// maskIf masks what has the form and the check digits.
func maskIf(form *regexp.Regexp, text, with string, is func(string) bool) string {
	return form.ReplaceAllStringFunc(text, func(s string) string {
		if is(s) {
			return with
		}
		return s
	})
}
