// The door's comforts; it opens without this file too, if not at the view that was asked for.

import { fetchSession } from "../shell/api.js";

const form = document.querySelector("form");

/** A link that brings the token has it behind a #: no server and no log ever sees it, nor does this history keep it. */
function brought() {
  const token = /^#token=(.+)$/.exec(location.hash)?.[1];
  if (token) history.replaceState(null, "", "/login");
  form.action = `/login${location.hash}`; // the view survives the way there: a redirect keeps it
  return token;
}

function signIn(token) {
  if (!token) return;
  form.elements.token.value = token;
  form.requestSubmit();
}

addEventListener("hashchange", () => signIn(brought())); // such a link, put in where this page stands already
const token = brought();

// Who comes by a link on another site shows no cookie on the first request, but is known all the same.
if ((await fetchSession()).let_in) location.replace(`/${location.hash}`);
else signIn(token);
