// The first question, asked before the modules are there: all rooms, and the one that the address names.

globalThis.early = fetch(
  `/api/devices?${new URLSearchParams({ open: /^#\/device\/([\w-]+)/.exec(location.hash)?.[1] ?? "" })}`,
  { headers: { accept: "application/json" } },
);
