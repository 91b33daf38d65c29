// The page: what is known of all rooms, which one is open, and the live stream that moves both.

import { fetchDevices } from "./api.js";
import { CONDITIONS, conditionOf, byUrgency } from "./conditions.js";
import { DeviceView } from "./device.js";
import { element, setText } from "./dom.js";
import { FleetList } from "./fleet.js";
import { listen } from "./live.js";

const CLOCK_MS = 5000;
const wide = matchMedia("(min-width: 900px)");
const dark = matchMedia("(prefers-color-scheme: dark)");

const layout = document.getElementById("layout");
const place = document.getElementById("device");
const link = document.getElementById("link");
const problem = document.getElementById("problem");
const tally = document.getElementById("tally");
const fleet = new FleetList(document.getElementById("fleet"));

const devices = new Map();
let view = null;
let clockAheadMs = 0; // the monitor's clock against this browser's

const now = () => Date.now() + clockAheadMs;

function chosenId() {
  const match = /^#\/device\/(.+)$/.exec(location.hash);
  if (match) return decodeURIComponent(match[1]);
  // Beside the list there is room for one: the one that needs a look most, kept until another is chosen.
  if (!wide.matches || devices.size === 0) return null;
  return view?.device.id ?? [...devices.values()].sort(byUrgency(now()))[0].id;
}

function route() {
  const id = chosenId();
  layout.dataset.view = /^#\/device\//.test(location.hash) ? "room" : "list";
  const device = devices.get(id);
  if (view && view.device.id !== id) {
    view.destroy();
    view = null;
  }
  if (device && !view) open(device);
  if (!device) place.replaceChildren(nothing(id));
  document.title = id ? `${id} · picanary` : "picanary";
  refresh();
}

function open(device) {
  view = new DeviceView(device);
  place.replaceChildren(view.node);
  view.update(device, now());
  view.load().catch((error) => showProblem(String(error.message)));
}

function nothing(id) {
  if (id) return element("p", { class: "card hint" }, `No room called ${id} has been heard of.`);
  if (devices.size > 0) return element("p", { class: "hint" });
  return element("div", { class: "card hint", "data-testid": "empty" },
    element("h1", {}, "No room has been heard of yet"),
    element("p", {}, "This page fills by itself as soon as an agent publishes to the broker. To try it on this machine:"),
    element("pre", {}, "python -m edge --source simulator --broker HOST"));
}

function refresh() {
  fleet.show(devices.values(), view?.device.id, now());
  if (view) view.update(devices.get(view.device.id), now());
  const words = new Map();
  for (const device of devices.values()) {
    const { word } = CONDITIONS[conditionOf(device, now())];
    words.set(word, (words.get(word) ?? 0) + 1);
  }
  const worst = Object.values(CONDITIONS).map(({ word }) => word).filter((word) => words.has(word));
  setText(tally, worst.map((word) => `${words.get(word)} ${word}`).join(" · "));
}

function showProblem(sentence) {
  problem.hidden = !sentence;
  setText(problem, sentence ?? "");
}

function take(frame) {
  if (loading) {
    waiting.push(frame); // what is being loaded may be older than this frame
    return;
  }
  if ("problem" in frame) showProblem(frame.problem);
  const known = devices.size;
  for (const device of frame.devices ?? []) devices.set(device.id, device);
  for (const [id, records] of Object.entries(frame.records ?? {})) {
    fleet.addRecords(id, records);
    if (id === view?.device.id) view.addRecords(records);
  }
  for (const [id, events] of Object.entries(frame.events ?? {})) {
    if (id === view?.device.id) view.events.add(events);
  }
  for (const id of frame.dated ?? []) {
    fleet.reload(devices.get(id)); // what came before has other times now
    if (id === view?.device.id) view.load().catch((error) => showProblem(String(error.message)));
  }
  if (devices.size !== known) route();
  else refresh();
}

async function loadAll() {
  const answer = await fetchDevices();
  clockAheadMs = answer.now_ms - Date.now();
  showProblem(answer.problem);
  for (const device of answer.devices) devices.set(device.id, device);
  view?.destroy();
  view = null;
  route();
}

let loading = null;
const waiting = [];
const load = () => {
  loading ??= loadAll().catch(() => {}).finally(() => {
    loading = null;
    for (const frame of waiting.splice(0)) take(frame);
  });
};

let opened = false;
listen({
  onFrame: take,
  onReset: load,
  onLink: (up) => {
    link.dataset.state = up ? "live" : "away";
    setText(link, up ? "live" : "reconnecting");
    if (up && !opened) load(); // only now: nothing can come between what is loaded and what is streamed
    opened ||= up;
  },
});

addEventListener("hashchange", () => {
  route();
  scrollTo(0, 0);
  if (layout.dataset.view === "room") place.focus({ preventScroll: true });
});
document.addEventListener("visibilitychange", () => view?.draw());
wide.addEventListener("change", route);
dark.addEventListener("change", () => view?.repaint());
setInterval(refresh, CLOCK_MS);
