// The bell of the header: how many alerts nobody has acknowledged; what is told is also read aloud.

import { fetchAlerts } from "../shell/api.js";
import { setText } from "../shell/dom.js";

const bell = document.getElementById("bell");
const count = document.getElementById("bell-count");
const news = document.getElementById("alert-news");

function show({ open, unacknowledged }) {
  count.hidden = unacknowledged === 0;
  setText(count, unacknowledged > 99 ? "99+" : String(unacknowledged));
  bell.dataset.open = open > 0;
  const sentence = unacknowledged ? `${unacknowledged} not acknowledged` : open ? `${open} open, all acknowledged` : "none open";
  bell.setAttribute("aria-label", `Alerts: ${sentence}`);
}

/** The part of a live frame that is about alerts. */
export function takeBell(alerts) {
  if (!alerts) return;
  show(alerts);
  if (alerts.news.length) setText(news, alerts.news.join(". "));
}

export async function reloadBell() {
  try {
    show(await fetchAlerts(0));
  } catch {
    bell.setAttribute("aria-label", "Alerts"); // the stream tells soon
  }
}
