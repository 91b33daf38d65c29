// What people have said of alarms, as this page knows it: loaded once a room, then kept by the live stream.

import { fetchLabels, send } from "../shell/api.js";

export const VERDICTS = { true_alarm: "true alarm", false_alarm: "false alarm", unsure: "unsure" };

const rooms = new Map(); // device id to {events: Map of labels by key, missed: Map of stretches by id, loading}
const loading = new Map(); // device id to news of it since it was asked for
const listeners = new Set();

export const keyOf = (epoch, event) => `${epoch}/${event}`;

/** What is known of a room; it is asked for when it is not. */
function room(device) {
  if (!rooms.has(device)) {
    rooms.set(device, { events: new Map(), missed: new Map() });
    load(device).catch(() => rooms.delete(device)); // asked again next time
  }
  return rooms.get(device);
}

async function load(device) {
  const late = []; // comes by the live stream meanwhile, and the answer may be older
  loading.set(device, late);
  const { labels, missed } = await fetchLabels(device).finally(() => loading.delete(device));
  rooms.set(device, {
    events: new Map(labels.map((label) => [keyOf(label.epoch, label.event), label])),
    missed: new Map(missed.map((stretch) => [stretch.id, stretch])),
  });
  takeLabels(late);
  tell(device);
}

/** What was said of an event: {verdict, note, made_ms}, or null. */
export function labelOf(device, { epoch, id }) {
  return room(device).events.get(keyOf(epoch, id)) ?? null;
}

/** Stretches when an alarm did not come, the newest first: {id, from_ms, to_ms, note}. */
export function missedOf(device) {
  return [...room(device).missed.values()].sort((one, other) => other.from_ms - one.from_ms);
}

/** The word for what was said. */
export const verdictOf = (label) => label.verdict ?? "unsure";

/** Calls back with a device's id when something was said of it; gives a function that ends that. */
export function onLabels(callback) {
  listeners.add(callback);
  return () => listeners.delete(callback);
}

function tell(device) {
  for (const callback of listeners) callback(device);
}

/** `labels` of a live frame. */
export function takeLabels(news) {
  for (const one of news ?? []) {
    loading.get(one.device)?.push(one);
    if (!rooms.has(one.device)) continue; // it is loaded whole when somebody asks
    const { events, missed } = rooms.get(one.device);
    const [place, key] = "event" in one ? [events, keyOf(one.epoch, one.event)] : [missed, one.id];
    if (one.gone) place.delete(key);
    else if (!(place.get(key)?.made_ms > one.made_ms)) place.set(key, one);
    tell(one.device);
  }
}

/** Frames of the live stream were lost: all that is shown is asked for again. */
export function reloadLabels() {
  for (const device of rooms.keys()) load(device).catch(() => {});
}

const at = (device, { epoch, id }) => `/api/devices/${encodeURIComponent(device)}/labels/${epoch}/${id}`;

/** Say it, in place of what was said before: {verdict: "true_alarm" | "false_alarm" | null, note}. */
export async function say(device, event, said) {
  takeLabels([await send("PUT", at(device, event), said)]);
}

/** Take back what was said. */
export async function withdraw(device, event) {
  await send("DELETE", at(device, event));
  takeLabels([{ device, epoch: event.epoch, event: event.id, gone: true }]);
}

/** An alarm should have come between these two times; gives the stretch. */
export async function markMissed(device, fromMs, toMs, note = "") {
  const body = { from_ms: Math.floor(fromMs), to_ms: Math.ceil(toMs), note };
  const made = await send("POST", `/api/devices/${encodeURIComponent(device)}/missed`, body);
  takeLabels([made]);
  return made;
}

export async function unmarkMissed(device, id) {
  await send("DELETE", `/api/devices/${encodeURIComponent(device)}/missed/${id}`);
  takeLabels([{ device, id, gone: true }]);
}
