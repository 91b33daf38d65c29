// Numbers and times as a person reads them: local time, fixed decimals, real minus signs.

const DIGITS = { "°C": 1, "%": 1, hPa: 1 };
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const minute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dated = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

export function number(value, unit = "") {
  if (value === null || value === undefined) return "–";
  return value.toFixed(DIGITS[unit] ?? 2).replace("-", "−");
}

export function measure(value, unit) {
  return unit ? `${number(value, unit)}\u202f${unit}` : number(value, unit);
}

export function score(value) {
  if (value === null || value === undefined) return "–";
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function time(ms) {
  const date = new Date(ms);
  return isToday(date) ? clock.format(date) : `${day.format(date)}, ${minute.format(date)}`;
}

/** With the day where it is not today's, and always with seconds. */
export function exactTime(ms) {
  const date = new Date(ms);
  return isToday(date) ? clock.format(date) : `${(date.getFullYear() === new Date().getFullYear() ? day : dated).format(date)}, ${clock.format(date)}`;
}

export function fullTime(ms) {
  return full.format(new Date(ms));
}

/** A tick of a time axis whose ticks are that far apart. */
export function tick(ms, step) {
  const date = new Date(ms);
  if (step >= 86_400_000) return day.format(date);
  if (step < 60_000) return clock.format(date);
  return date.getHours() === 0 && date.getMinutes() === 0 ? day.format(date) : minute.format(date);
}

export function duration(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 1) return "less than 1\u202fs";
  if (seconds < 60) return `${seconds}\u202fs`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 && minutes < 10 ? `${minutes}\u202fmin ${seconds % 60}\u202fs` : `${minutes}\u202fmin`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours}\u202fh ${minutes % 60}\u202fmin` : `${hours}\u202fh`;
  return `${Math.round(hours / 24)} days`;
}

export function count(value) {
  return value.toLocaleString(undefined);
}

function isToday(date) {
  return date.toDateString() === new Date().toDateString();
}
