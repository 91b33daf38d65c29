// What the page asks the monitor for.

async function get(path, signal) {
  return opened(await fetch(path, { headers: { accept: "application/json" }, signal }));
}

/** Ask for a change: `send("PUT", path, {…})`. What the monitor answers; throws an Error with its sentence. */
export async function send(method, path, body) {
  const headers = { accept: "application/json", "content-type": "application/json" };
  return opened(await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }));
}

/** {needed, let_in, session}: whether this monitor asks for a token, and whether this browser has signed in. */
export const fetchSession = () => get("/api/session");

/** To the door; whoever signs in there comes back to this view. */
export const leave = () => location.replace(`/login${location.hash}`);

async function opened(answer) {
  if (answer.status === 401) leave();
  const body = await answer.json().catch(() => ({})); // a proxy's error is a page
  if (!answer.ok) throw new Error(body.error ?? `the monitor answered ${answer.status}`);
  return body;
}

/** {now_ms, problem, live, open, devices}; the first time it has been asked for already, by early.js. */
export const fetchDevices = () => {
  const asked = globalThis.early;
  globalThis.early = undefined;
  return asked ? asked.then(opened) : get("/api/devices");
};

/** The whole of one device, of which the list has only an outline. */
export const fetchDevice = (id) => get(`/api/devices/${encodeURIComponent(id)}`);

/** The worst of every stretch of every room: see heatmap/grid.js. */
export const fetchHeat = (fromMs, toMs, columns) =>
  get(`/api/fleet/heat?${new URLSearchParams({ from_ms: String(Math.floor(fromMs)), to_ms: String(Math.ceil(toMs)), columns: String(columns) })}`);

/** Stretches in which the monitor itself did not run, newest first: [{from_ms, to_ms}]. */
export const fetchAbsences = async () => (await get("/api/absences")).absences;

/** Events of a device, newest first; `wanted` may hold limit, kind, from_ms, to_ms and before_ms. */
export const fetchEvents = (id, wanted = {}) => get(`/api/devices/${encodeURIComponent(id)}/events?${new URLSearchParams(wanted)}`);

/** {event, similar, older, newer} of one event, {epoch, id}. */
export const fetchEvent = (id, event) => get(`/api/devices/${encodeURIComponent(id)}/events/${encodeURIComponent(event.epoch)}/${event.id}`);

/** {alerts, past, snoozes, channels, sends, open, unacknowledged}; see monitor/web/alerts.py. */
export const fetchAlerts = (limit) => get(`/api/alerts?limit=${limit}`);

/** What people said of a device's alarms: {labels, missed}. */
export const fetchLabels = (id) => get(`/api/devices/${encodeURIComponent(id)}/labels`);

/** Columns between two times in milliseconds; null leaves an end open. A `signal` can call it off. */
export function fetchSeries(id, fromMs, toMs, points, signal) {
  const query = new URLSearchParams({ points: String(points) });
  if (fromMs !== null) query.set("from_ms", String(Math.floor(fromMs)));
  if (toMs !== null) query.set("to_ms", String(Math.ceil(toMs)));
  return get(`/api/devices/${encodeURIComponent(id)}/series?${query}`, signal);
}

/** Alarms of the last weeks at every level: see monitor/whatif.py. */
export const fetchWhatIf = (id, weeks) => get(`/api/devices/${encodeURIComponent(id)}/whatif?weeks=${weeks}`);

/** Multiply all alarm levels of a device: {request, state, why}, of which fetchOrder tells the rest. */
export const sendLevel = (id, level) => send("POST", `/api/devices/${encodeURIComponent(id)}/recalibrate`, { level });

export const fetchOrder = (id, request) => get(`/api/devices/${encodeURIComponent(id)}/recalibrate/${encodeURIComponent(request)}`);
