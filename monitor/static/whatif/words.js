// What another alarm level would have meant, in the words of a person.

import { duration } from "../words/format.js";

const WEEK_MS = 604_800_000;

/** A level, as exact as anybody sets one. */
export function short(level) {
  return String(Number(level.toPrecision(3)));
}

function alarms(count) {
  return count === 1 ? "1 alarm" : `${count} alarms`;
}

/** A week's share of a count; of less than a week the count itself. */
export function bare(count, answer) {
  const weeks = (answer.to_ms - answer.from_ms) / WEEK_MS;
  if (weeks < 0.99) return String(count);
  const share = count / weeks;
  return String(Number(share.toFixed(share >= 10 ? 0 : 1)));
}

/** "3 alarms a week". */
export function rate(count, answer) {
  const share = bare(count, answer);
  const weekly = answer.to_ms - answer.from_ms >= 0.99 * WEEK_MS;
  return `${share} alarm${share === "1" ? "" : "s"}${weekly ? " a week" : ""}`;
}

function period(answer) {
  const span = answer.to_ms - answer.from_ms;
  const weeks = Math.round(span / WEEK_MS);
  if (span < 0.99 * WEEK_MS) return `last ${duration(span)}`;
  return weeks === 1 ? "last week" : `last ${weeks} weeks`;
}

/** What of the alarms of that time would go; `place` is that of the level among those of the answer, null: as it is. */
export function details(answer, count, place) {
  const words = [`In the ${period(answer)}: ${alarms(count)}${place === null ? "" : ` instead of ${answer.were.length}`}.`];
  const lost = place === null ? 0 : answer.true_lost[place];
  const quiet = place === null ? 0 : answer.false_gone[place];
  if (answer.true > 0) words.push(lost > 0 ? `${lost} of ${answer.true} that you labelled true would be missed.` : `None of the ${answer.true} that you labelled true would be missed.`);
  if (quiet > 0) words.push(`${quiet} that you labelled false would be gone.`);
  words.push(`The device is at ${short(answer.level ?? 1)} now.`);
  return words.join(" ");
}

/** How this was worked out, and how rough it is. */
export function method(answer) {
  const rough = answer.told < 0.95
    ? ` For ${Math.round(100 * (1 - answer.told))}\u202f% of this time the device has not told how near it was to an alarm; there the score stands for it, and what would be new is a rough guess.`
    : "";
  return "An estimate: alarms that came are judged by how far they went above their level, calm times by the strongest signal of each minute. "
    + `What the device would have learnt at another level is not known.${rough}`;
}
