// SPDX-License-Identifier: Apache-2.0
// The link that the server prints carries the token behind a #, which browsers
// send to nobody. It goes into the form, and out of the address bar.
"use strict";
{
  const field = document.getElementById("token");
  const token = location.hash.slice(1);
  if (field && token.startsWith("cfb_")) {
    field.value = token;
    history.replaceState(null, "", location.pathname);
  }
}
