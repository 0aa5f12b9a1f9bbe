// SPDX-License-Identifier: Apache-2.0

package door

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"github.com/counterfoil/counterfoil/internal/access"
)

// view is what the page is filled with.
type view struct {
	Title, CSS, Script string
	Fault              *access.Error
	Who                *person
	Choices            []choice
	Ask, Bootstrap     bool // nobody is known yet; the form for the token
	Back               bool // a link to the door
}

type person struct {
	Name, Code, How string
	Grants          []access.Grant
	SignedIn        bool
}

type choice struct{ Title, Href string }

var how = map[access.Kind]string{
	access.Person: "a sign-in", access.Key: "an API key", access.Workload: "a workload's token",
	access.Certificate: "a client certificate", access.Local: "being on this machine",
}

// home says who asks, and offers ways to sign in to who is not known.
func (d *Door) home(w http.ResponseWriter, r *http.Request) {
	a, err := d.cfg.Book.Authenticate(r.Context(), r)
	if e, ok := errors.AsType[*access.Error](err); ok && e.Code == access.Unauthenticated {
		if len(r.Header["Cookie"]) > 0 {
			set(w, d.cfg.Book.Forget()[:1]) // a session that has ended; not a sign-in under way
		}
		v := view{Title: "Sign in", Ask: true}
		to := back(r.URL.Query().Get("back"))
		for _, is := range d.cfg.Book.Issuers() {
			href := "/auth/login/" + is.Name
			if to != "" {
				href += "?" + url.Values{"back": {to}}.Encode()
			}
			v.Choices = append(v.Choices, choice{is.Title, href})
		}
		d.show(w, http.StatusOK, v)
		return
	}
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	p := &person{Code: a.ID, How: how[a.Kind], Grants: a.Grants, SignedIn: a.Kind == access.Person}
	if p.SignedIn {
		names, err := d.cfg.Book.People(r.Context(), a.ID)
		if err != nil {
			d.refuse(w, r, err)
			return
		}
		for _, n := range names {
			p.Name = n.Name
		}
	}
	d.show(w, http.StatusOK, view{Title: "You are signed in", Who: p})
}

// login sends the browser to the identity provider.
func (d *Door) login(w http.ResponseWriter, r *http.Request) {
	to, cookie, err := d.cfg.Book.Begin(r.Context(), r.PathValue("issuer"), back(r.URL.Query().Get("back")))
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	http.SetCookie(w, cookie)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// callback is where the identity provider sends the browser back to.
func (d *Door) callback(w http.ResponseWriter, r *http.Request) {
	in, err := d.cfg.Book.Finish(r.Context(), r, r.PathValue("issuer"))
	set(w, d.cfg.Book.Forget()[1:]) // the sign-in is over, one way or the other
	d.enter(w, r, in, err)
}

// enter gives the browser its session and sends it on.
func (d *Door) enter(w http.ResponseWriter, r *http.Request, in *access.SignIn, err error) {
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	set(w, in.Cookies)
	http.Redirect(w, r, cmp.Or(back(in.Back), d.cfg.Home), http.StatusSeeOther)
}

func (d *Door) bootstrapForm(w http.ResponseWriter, _ *http.Request) {
	d.show(w, http.StatusOK, view{Title: "Become the first administrator", Bootstrap: true, Script: d.js, Back: true})
}

func (d *Door) bootstrap(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, d.maxToken)
	if err := r.ParseForm(); err != nil {
		d.refuse(w, r, &access.Error{Code: access.Invalid, Message: "the form can not be read", Hint: "send the token only"})
		return
	}
	in, err := d.cfg.Book.UseBootstrap(r.Context(), r, r.PostForm.Get("token"))
	d.enter(w, r, in, err)
}

func (d *Door) logout(w http.ResponseWriter, r *http.Request) {
	d.leave(w, r, d.cfg.Book.EndSession(r.Context(), r))
}

func (d *Door) logoutEverywhere(w http.ResponseWriter, r *http.Request) {
	a, err := d.cfg.Book.Authenticate(r.Context(), r)
	if err == nil && a.Kind != access.Person {
		err = &access.Error{Code: access.Invalid, Message: "only people have sessions", Hint: "revoke the key instead"}
	}
	if err == nil {
		_, err = d.cfg.Book.EndSessions(r.Context(), *a, a.ID)
	}
	d.leave(w, r, err)
}

// leave clears the cookies once the session is gone.
func (d *Door) leave(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	set(w, d.cfg.Book.Forget())
	http.Redirect(w, r, "/auth/", http.StatusSeeOther)
}

func set(w http.ResponseWriter, cookies []*http.Cookie) {
	for _, c := range cookies {
		http.SetCookie(w, c)
	}
}
