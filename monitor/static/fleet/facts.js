// The small facts of a room in the list: what a person would want to know before opening it.

import { count, duration } from "../words/format.js";

/** The model in use, or "". */
export const modelOf = (device) => device.newest?.model ?? device.info?.model ?? "";

const BELIEVABLE_MS = 1_500_000_000_000; // a clock that was never set tells an earlier time

/** Since when nothing new has come; a monitor that has just begun was not there to hear it. */
function quietSince({ newest, heard_ms: heardMs }) {
  return newest && newest.ts_ms > BELIEVABLE_MS ? Math.min(heardMs, newest.ts_ms) : heardMs;
}

/** Facts as short words, the more pressing first. */
export function factsOf(device, condition, nowMs) {
  const { missing, gone } = device.counts;
  const quiet = ["offline", "silent", "stopped"].includes(condition);
  return [
    quiet && device.newest ? `stale for ${duration(Math.max(0, nowMs - quietSince(device)))}` : null,
    missing ? `${count(missing)} missing` : null,
    gone ? `${count(gone)} gone` : null,
    modelOf(device) || "no model",
    device.newest?.sim ?? device.info?.sim ? "simulated" : null,
  ].filter(Boolean);
}
