// The live stream: one connection for the whole page. The browser reconnects by itself.

import { fetchSession, leave } from "./api.js";

/**
 * Calls `onFrame(frame)`, `onReset()` when frames were lost, and `onLink(open)` as the link comes and goes.
 * Gives `begin(id)`, which opens it for what came after that id (null: for what comes now), and `watch(id)`:
 * of that device everything is wanted, of the others what a list shows.
 */
export function listen({ onFrame, onReset, onLink }) {
  let source = null;
  let watched = null;
  let lastId = null; // goes with a stream that is opened anew, so that nothing is missed between the two
  const open = () => {
    const query = new URLSearchParams();
    if (watched !== null) query.set("device", watched);
    if (lastId !== null) query.set("after", lastId);
    const mine = new EventSource(`/live?${query}`);
    source = mine;
    mine.onopen = () => onLink(true);
    mine.onmessage = (message) => {
      lastId = message.lastEventId;
      onFrame(JSON.parse(message.data));
    };
    mine.addEventListener("hello", (message) => {
      lastId = message.lastEventId;
    });
    mine.addEventListener("reset", (message) => {
      lastId = message.lastEventId;
      onReset();
    });
    mine.onerror = () => {
      if (mine !== source) return;
      onLink(false);
      if (mine.readyState !== EventSource.CLOSED) return;
      // A browser gives up after some errors (a proxy's 502, say); a page left open all day must not.
      setTimeout(() => mine === source && open(), 3000);
      fetchSession().then(({ let_in: isLetIn }) => isLetIn || leave()).catch(() => {});
    };
  };
  return {
    begin(id) {
      if (source) return;
      lastId = id;
      open();
    },
    watch(id) {
      if (id === watched) return;
      watched = id;
      if (!source) return;
      source.close();
      open();
    },
  };
}
