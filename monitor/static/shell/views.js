// What can stand beside or instead of the list of rooms; each view's code is fetched when it is first opened.
//
// A view is made with (device, route, page): `device` is the whole summary (null in views of no device), `route` as
// routes.js gives it, `page` has devices (a Map of short summaries), now(), go(hash) and say(problem). It has `node`, and may have
//   load()                  fetch what it shows; may fail with a sentence
//   update(device, nowMs)   the newest summary; also every few seconds, for the clock
//   follow(route)           the same view with another query: a range, say
//   take(frame)             any live frame: {devices, events, alerts, labels, ...}
//   addRecords(records)     new records of its device
//   draw(), repaint()       the page is seen again; light has become dark
//   destroy()

export const VIEWS = {
  device: { ofDevice: true, code: async () => (await import("../device/device.js")).DeviceView },
  event: { ofDevice: true, code: async () => (await import("../event/event.js")).EventView },
  alerts: { ofDevice: false, code: async () => (await import("../alerts/alerts.js")).AlertsView },
};
