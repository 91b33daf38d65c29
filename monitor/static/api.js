// What the page asks the monitor for.

async function get(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? `the monitor answered ${answer.status}`);
  return body;
}

export const fetchDevices = () => get("/api/devices");

export const fetchEvents = (id) => get(`/api/devices/${encodeURIComponent(id)}/events?limit=50`);

/** Columns between two times in milliseconds; null leaves an end open. */
export function fetchSeries(id, fromMs, toMs, points) {
  const query = new URLSearchParams({ points: String(points) });
  if (fromMs !== null) query.set("from_ms", String(Math.floor(fromMs)));
  if (toMs !== null) query.set("to_ms", String(Math.ceil(toMs)));
  return get(`/api/devices/${encodeURIComponent(id)}/series?${query}`);
}
