// The addresses of what can be looked at and taken away.

/** The hash of a room; `query` says which stretch of its charts. */
export function roomHash(id, query = "") {
  return `#/device/${encodeURIComponent(id)}${query ? `?${query}` : ""}`;
}

/** The hash of the view of an event, {epoch, id}. */
export function eventHash(id, event, query = "") {
  return `#/device/${encodeURIComponent(id)}/event/${encodeURIComponent(event.epoch)}/${event.id}${query ? `?${query}` : ""}`;
}

/** Where a stretch is had as a file; `format` is "csv" or "parquet". */
export function exportPath(id, format, fromMs, toMs) {
  return `/api/devices/${encodeURIComponent(id)}/export.${format}?from_ms=${Math.floor(fromMs)}&to_ms=${Math.ceil(toMs)}`;
}
