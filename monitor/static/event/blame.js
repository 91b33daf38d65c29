// What was seen of each channel against what was expected, and its part in the score, as a table.

import { title } from "../words/channels.js";
import { element } from "../shell/dom.js";
import { difference, digitsOf, plain } from "./headline.js";

const HEADS = ["Channel", "Seen at its worst", "Expected", "Off by", "Part in the score"];
const LEAST_SHOWN = 0.1; // of a band: the figures have one decimal
const THIN = "\u202f";

/** A card; `channels` are those that the event knows something of. */
export function blameTable(event, channels) {
  return element("section", { class: "card", "aria-labelledby": "blame-title" },
    element("h2", { id: "blame-title" }, "What was seen, and who is to blame"),
    element("table", { class: "blame", "data-testid": "event-table" },
      element("thead", {}, element("tr", {}, ...HEADS.map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...channels.map((channel) => row(event, channel)))));
}

function row(event, channel) {
  const { key } = channel;
  const unit = channel.unit ? THIN + channel.unit : "";
  const [seen, expected, spread, share] = [event.observed, event.expected, event.spread, event.share].map((many) => many[key] ?? null);
  const digits = digitsOf(spread);
  const band = spread === null ? "" : `${THIN}±${THIN}${plain(Math.max(spread, LEAST_SHOWN), digits)}`;
  const off = difference(seen, expected, digits);
  const cells = [
    seen === null ? "–" : plain(seen, digits) + unit,
    expected === null ? "–" : plain(expected, digits) + band + unit,
    off === "–" ? off : off + unit,
  ];
  return element("tr", { "data-channel": key, "data-blamed": String(key === event.channel) },
    element("th", { scope: "row" }, title(channel)),
    ...cells.map((text, i) => element("td", { "data-head": HEADS[i + 1] }, text)),
    element("td", { class: "share", "data-head": HEADS[4] }, ...shareBar(channel, share)));
}

function shareBar(channel, share) {
  if (share === null) return ["–"];
  const part = Math.min(1, Math.max(0, share));
  return [
    element("meter", { min: 0, max: 1, value: part, "aria-label": `Part of the ${channel.name} in the score` }),
    element("span", {}, `${Math.round(100 * part)}${THIN}%`),
  ];
}
