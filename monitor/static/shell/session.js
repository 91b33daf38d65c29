// Signing out, for who has signed in.

import { fetchSession, leave, send } from "./api.js";

const button = document.getElementById("sign-out");

button.addEventListener("click", async () => {
  await send("DELETE", "/api/session");
  leave();
});

button.hidden = !(await fetchSession()).session;
