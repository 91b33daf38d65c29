// Where in the page we are: the address behind the #, as a table of views.

const PLACES = [
  { view: "event", pattern: /^\/device\/([^/]+)\/event\/([0-9a-f]{1,32})\/(\d{1,16})$/, names: ["id", "epoch", "number"] },
  { view: "device", pattern: /^\/device\/([^/]+)$/, names: ["id"] },
  { view: "alerts", pattern: /^\/alerts$/, names: [] },
];

/** {view, query, id?, epoch?, number?} of a hash; whatever is not known is the fleet. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  for (const { view, pattern, names } of PLACES) {
    const match = pattern.exec(path);
    if (!match) continue;
    const found = { view, query: new URLSearchParams(query) };
    names.forEach((name, i) => { found[name] = readable(match[i + 1]); });
    if ("number" in found) found.number = Number(found.number);
    return found;
  }
  return { view: "fleet", query: new URLSearchParams(query) };
}

/** The hash of a device's view. */
export const toDevice = (id) => `#/device/${encodeURIComponent(id)}`;

/** Whether two routes are one view, maybe with another query. */
export const isSameView = (one, other) => keyOf(one) === keyOf(other);

/** The document's title. */
export function titleOf({ view, id }) {
  const name = { device: id, event: `Event in ${id}`, alerts: "Alerts" }[view];
  return name ? `${name} · picanary` : "picanary";
}

function keyOf({ view, id, epoch, number }) {
  return JSON.stringify([view, id, epoch, number]);
}

function readable(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a % that a person typed
  }
}
