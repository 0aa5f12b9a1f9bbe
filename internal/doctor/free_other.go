// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package doctor

import "errors"

func freeBytes(string) (uint64, error) { return 0, errors.ErrUnsupported }
