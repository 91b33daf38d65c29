// An event in the words of a person: "humidity 81 %, expected 52 ± 4, for 23 minutes".

import { score } from "../words/format.js";

export const KINDS = { anomalous: "anomaly", sensor_fault: "sensor fault", advisory: "long shift", namesake: "two devices, one name" };
const ROUND_FROM = 2; // a band so wide makes decimals pointless
const LEAST_SHOWN = 0.1;
const MINUS = "\u2212";
const THIN = "\u202f";

/** The sentence of an event; `channels` name its channels and units, `lastMs` is the newest reading's time. */
export function headline(event, channels, lastMs) {
  const channel = channels.find((one) => one.key === event.channel);
  const lasting = forHow(event, lastMs);
  const [seen, expected, spread] = [event.observed, event.expected, event.spread].map((many) => many[channel?.key] ?? null);
  // within its band it is not the value that is strange, and the agent says what is
  const within = expected !== null && Math.abs(seen - expected) <= (spread ?? 0);
  if (event.state !== "anomalous" || seen === null || (within && event.why)) return `${event.why || KINDS[event.state]}${lasting}`;
  const digits = digitsOf(spread);
  const unit = channel.unit ? `${THIN}${channel.unit}` : "";
  const beside = expected === null ? "" : `, expected ${plain(expected, digits)}${spread === null ? unit : `${THIN}±${THIN}${plain(Math.max(spread, LEAST_SHOWN), digits)}`}`;
  return `${channel.name} ${plain(seen, digits)}${unit}${beside}${lasting}`;
}

/** A number as the table shows it: with no more decimals than its band is wide. */
export function plain(value, digits) {
  return value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", MINUS);
}

export function digitsOf(spread) {
  return spread !== null && spread !== undefined && spread >= ROUND_FROM ? 0 : 1;
}

/** How far off, with a sign. */
export function difference(seen, expected, digits) {
  if (seen === null || expected === null || seen === undefined || expected === undefined) return "–";
  const off = seen - expected;
  return `${off < 0 ? MINUS : "+"}${Math.abs(off).toFixed(digits)}`;
}

/** What is known of its size: "worst score 4.2". */
export function worst(event) {
  // an advisory's score is no alarm's, and its sentence says how far and from where
  return event.score === null || event.state === "advisory" ? null : `worst score ${score(event.score)}`;
}

function forHow(event, lastMs) {
  if (event.end_ms !== null) return `, for ${spoken(event.end_ms - event.onset_ms)}`;
  if (!event.open || !lastMs || event.state === "namesake") return "";
  return `, for ${spoken(lastMs - event.onset_ms)} so far`;
}

/** A length of time in whole words. */
export function spoken(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return words(seconds, "second") || "a moment";
  const minutes = seconds < 600 ? Math.round(seconds / 60) : Math.floor(seconds / 60); // as the lists have it
  if (minutes < 90) return words(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return [words(hours, "hour"), words(minutes % 60, "minute")].filter(Boolean).join(" and ");
  return [words(Math.floor(hours / 24), "day"), words(hours % 24, "hour")].filter(Boolean).join(" and ");
}

function words(count, word) {
  return count === 0 ? "" : `${count} ${word}${count === 1 ? "" : "s"}`;
}
