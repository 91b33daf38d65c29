// The page: what is known of all rooms, which view is open, and the live stream that moves both.

import { fetchDevice, fetchDevices } from "./shell/api.js";
import { reloadBell, takeBell } from "./alerts/bell.js";
import { CONDITIONS, worstFirst } from "./words/conditions.js";
import { element, setText } from "./shell/dom.js";
import { Fleet } from "./fleet/fleet.js";
import { Known } from "./shell/known.js";
import { reloadLabels, takeLabels } from "./feedback/labels.js";
import { listen } from "./shell/live.js";
import { isSameView, parse, titleOf } from "./shell/routes.js";
import { VIEWS } from "./shell/views.js";

const CLOCK_MS = 5000;
const BESIDE_MOST = 12; // rooms: more of them are shown on their own, without one of them beside
const BUSY = 60; // rooms: of more of them the list is drawn only a few times a second
const BUSY_MS = 400;
const wide = matchMedia("(min-width: 900px)");
const dark = matchMedia("(prefers-color-scheme: dark)");

const layout = document.getElementById("layout");
const rooms = document.getElementById("rooms");
const place = document.getElementById("device");
const link = document.getElementById("link");
const problem = document.getElementById("problem");
const tally = document.getElementById("tally");

// a link that signs in (login.js), opened by who is signed in already
if (location.hash.startsWith("#token=")) history.replaceState(null, "", "/");

const devices = new Known();
let shown = null; // {route, view, whole, waiting}: what stands beside or instead of the list
let loaded = false;
let listAt = 0; // how far the list was scrolled when a room was opened
let clockAheadMs = 0; // the monitor's clock against this browser's

const now = () => Date.now() + clockAheadMs;
const go = (hash) => { location.hash = hash; };
const page = { devices, now, go, say: showProblem };
const fleet = new Fleet(rooms, page);

/** The view that should stand there: the one of the address, or the room that needs a look most. */
function wanted() {
  const here = parse(location.hash);
  if (here.view !== "fleet") return here;
  // Beside a short list there is room for one room, kept until another is chosen.
  if (!wide.matches || devices.size === 0 || devices.size > BESIDE_MOST) return null;
  const kept = shown?.route.view === "device" && devices.has(shown.route.id) ? shown.route.id : null;
  return { view: "device", id: kept ?? worstFirst(devices.values(), now())[0].device.id, query: new URLSearchParams() };
}

function route() {
  const route = wanted();
  const here = parse(location.hash);
  layout.dataset.view = here.view === "fleet" ? (route || devices.size === 0 ? "list" : "fleet") : here.view === "alerts" ? "page" : "room";
  const alone = !place.checkVisibility();
  rooms.setAttribute("role", alone ? "main" : "navigation");
  fleet.setAlone(alone);
  document.title = titleOf(route ?? here);
  if (!route || !shown || !isSameView(route, shown.route) || !shown.view) open(route);
  else follow(route);
  refresh();
}

function follow(route) {
  const moved = route.query.toString() !== shown.route.query.toString();
  shown.route = route;
  if (moved) shown.view.follow?.(route);
}

function close() {
  shown?.view?.destroy?.();
  shown = null;
}

async function open(route) {
  if (route && shown && isSameView(route, shown.route) && shown.opening) return;
  close();
  const { ofDevice, code } = VIEWS[route?.view] ?? {};
  const isThere = !ofDevice || devices.has(route.id);
  stream.watch(ofDevice && isThere ? route.id : null);
  if (!route || !isThere) {
    place.replaceChildren(...nothing(ofDevice ? route.id : null));
    return;
  }
  const mine = { route, view: null, whole: null, waiting: [], opening: true };
  shown = mine;
  try {
    const [View, whole] = await Promise.all([code(), ofDevice ? (named?.id === route.id ? named : fetchDevice(route.id)) : null]);
    if (shown !== mine) return;
    mine.whole = whole;
    mine.view = new View(whole, route, page);
    place.replaceChildren(mine.view.node);
    mine.view.update?.(whole, now());
    const waited = mine.waiting.splice(0);
    mine.opening = false;
    for (const frame of waited) tell(mine, frame);
    await mine.view.load?.();
  } catch (error) {
    if (shown === mine) showProblem(String(error.message));
  } finally {
    mine.opening = false;
  }
}

function nothing(id) {
  if (!loaded) return [element("p", { class: "hint" })];
  if (id) return [element("p", { class: "card hint" }, `No room called ${id} has been heard of.`)];
  if (devices.size > 0) return [];
  return [element("div", { class: "card hint", "data-testid": "empty" },
    element("h1", {}, "No room has been heard of yet"),
    element("p", {}, "This page fills by itself as soon as an agent publishes to the broker. To try it on this machine:"),
    element("pre", {}, "python -m edge --source simulator --broker HOST"))];
}

let drawnAt = -Infinity;
let soon = null;

/** Draw what is known; of many rooms not more often than anybody can follow. */
function refresh() {
  shown?.view?.update?.(shown.whole, now());
  const waitMs = devices.size > BUSY ? drawnAt + BUSY_MS - performance.now() : 0;
  if (waitMs <= 0) drawFleet();
  else soon ??= setTimeout(drawFleet, waitMs);
}

function drawFleet() {
  clearTimeout(soon);
  soon = null;
  drawnAt = performance.now();
  const sorted = worstFirst(devices.values(), now());
  fleet.show(sorted, shown?.route.id, now());
  fleet.title.hidden = Boolean(shown?.view); // whose title is the page's
  const counts = new Map();
  for (const { condition } of sorted) counts.set(condition, (counts.get(condition) ?? 0) + 1);
  setText(tally, [...counts].map(([condition, count]) => `${count} ${CONDITIONS[condition].word}`).join(" · "));
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
  takeLabels(frame.labels);
  takeBell(frame.alerts);
  const known = devices.size;
  let enough = true;
  for (const news of frame.devices ?? []) enough = devices.hear(news) && enough;
  fleet.take(frame);
  if (shown) tell(shown, frame);
  if (!enough) load();
  else if (devices.size !== known) route();
  else refresh();
}

/** A frame for the view that is open, or will be in a moment. */
function tell(open, frame) {
  if (open.opening) {
    open.waiting.push(frame);
    return;
  }
  const { view, route } = open;
  if (!view) return;
  const news = frame.open?.device.id === route.id ? frame.open : null;
  if (news) Object.assign(open.whole, news.device);
  if (news?.records.length) view.addRecords?.(news.records);
  const events = frame.events?.[route.id];
  if (events) view.events?.add(events);
  view.take?.(frame);
  // what came before has other times now, or more has come than a frame holds
  if (frame.dated?.includes(route.id) || news?.more) view.load?.().catch((error) => showProblem(String(error.message)));
}

async function loadAll() {
  const answer = await fetchDevices();
  named = answer.open;
  clockAheadMs = answer.now_ms - Date.now();
  showProblem(answer.problem);
  reloadLabels();
  reloadBell();
  devices.replace(answer.devices);
  loaded = true;
  close();
  fleet.reload();
  route();
  named = null;
  stream.begin(answer.live); // for all that has come since; now, since it is known which room is open
}

let named = null; // of the room that the address named, which came with the list
let loading = null;
const waiting = [];
const load = () => {
  loading ??= loadAll().catch(() => stream.begin(null)).finally(() => {
    loading = null;
    for (const frame of waiting.splice(0)) take(frame);
  });
};

const stream = listen({
  onFrame: take,
  onReset: load,
  onLink: (up) => {
    link.dataset.state = up ? "live" : "away";
    setText(link, up ? "live" : "reconnecting");
    if (up && !loaded) load();
  },
});

load();

addEventListener("hashchange", () => {
  const left = shown?.route;
  const wasList = layout.dataset.view === "fleet";
  if (wasList) listAt = scrollY;
  route();
  const { view } = layout.dataset;
  scrollTo(0, view === "fleet" ? listAt : 0);
  if (view === "room" || view === "page") place.focus({ preventScroll: true });
  else if (view === "fleet") fleet.focus(left?.id);
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // #device is no route
  (place.checkVisibility() ? place : fleet.list.node.querySelector("a") ?? rooms).focus();
});
document.addEventListener("visibilitychange", () => shown?.view?.draw?.());
wide.addEventListener("change", route);
dark.addEventListener("change", () => {
  shown?.view?.repaint?.();
  fleet.repaint();
});
setInterval(refresh, CLOCK_MS);
