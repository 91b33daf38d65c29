// The door's comforts; it opens without this file too, if not at the view that was asked for.

import { fetchSession } from "../shell/api.js";

const form = document.querySelector("form");
form.action = `/login${location.hash}`; // the view survives the way there: a redirect keeps it

// Who comes by a link on another site shows no cookie on the first request, but is known all the same.
if ((await fetchSession()).let_in) location.replace(`/${location.hash}`);
