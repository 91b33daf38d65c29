// What the page says of one room in small print: each fact as a person would say it.

import { count, duration, exactTime, measure, number, time } from "../words/format.js";

const ABSENCES_SHOWN = 3;
const LEAST_SHOWN = 0.1; // of a band: the figures have one decimal, and none is as sure as ± 0.0

export function expectation(newest, channel) {
  const expected = newest?.expected[channel.key] ?? null;
  if (expected === null) return "no expectation";
  const spread = newest.spread[channel.key] ?? null;
  return spread === null ? `expected ${measure(expected, channel.unit)}` : `expected ${number(expected, channel.unit)}\u00a0±\u00a0${measure(Math.max(spread, LEAST_SHOWN), channel.unit)}`;
}

export function about(device) {
  const { info, newest } = device;
  return [
    newest?.sim ?? info?.sim ? "simulated" : null,
    info?.source ? `source ${info.source}` : null,
    info?.board || null,
    info ? rate(info.period_s) : null,
    newest?.model ?? info?.model ? `model ${newest?.model ?? info.model}` : "no model",
    newest && newest.clk !== "ntp" ? `clock ${newest.clk}` : null,
  ].filter(Boolean).join(" · ");
}

/** How often it reads; a simulated room may live faster than we do. */
function rate(periodS) {
  return periodS <= 0.5 ? `${count(Math.round(1 / periodS))} readings a second` : `a reading every ${duration(periodS * 1000)}`;
}

export function heard(device, nowMs) {
  if (!device.newest) return "No reading yet";
  const quietMs = nowMs - device.heard_ms;
  const limit = Math.max(10_000, 2500 * (device.info?.period_s ?? 10));
  return `Newest reading ${time(device.newest.ts_ms)}${quietMs > limit ? `, nothing new for ${duration(quietMs)}` : ""}`;
}

export function ledger({ received, missing, gone = 0, repeated, malformed }, journals = {}) {
  const causes = [...new Set(Object.values(journals).flatMap((journal) => journal.gone ?? []).map(([, , why]) => why))];
  const declared = gone ? `, ${count(gone)} gone${causes.length ? ` (${causes.join("; ")})` : ""}` : "";
  return `${count(received + missing + gone)} sent, ${count(received)} received, ${missing ? count(missing) : "none"} missing${declared}, ${count(repeated)} repeated, ${count(malformed)} malformed`;
}

/** When nobody listened to the room, the newest first; `firstMs` is when its history begins. */
export function absences(spans, firstMs) {
  const known = spans.filter((span) => firstMs !== null && span.to_ms > firstMs);
  const told = known.slice(0, ABSENCES_SHOWN).map(({ from_ms: from, to_ms: to }) =>
    `The monitor itself did not run from ${exactTime(from)} to ${exactTime(to)}, for ${duration(to - from)}. It has asked for what the device kept of that time.`);
  return known.length > told.length ? [...told, `And ${count(known.length - told.length)} times before.`] : told;
}

export function health(report) {
  if (!report) return "";
  return [
    `Agent up for ${duration(report.uptime_s * 1000)}`,
    report.journal.unsent === undefined ? null : `${count(report.journal.unsent)} unsent in its journal`,
    typeof report.host.temperature_c === "number" ? `board at ${measure(report.host.temperature_c, "°C")}` : null,
    typeof report.host.rss_bytes === "number" ? `${(report.host.rss_bytes / 1e6).toFixed(0)}\u202fMB of memory` : null,
    `as of ${time(report.ts_ms)}`,
  ].filter(Boolean).join(" · ");
}
