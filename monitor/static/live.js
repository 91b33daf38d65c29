// The live stream: one connection for the whole page. The browser reconnects by itself.

/** Calls `onFrame(frame)`, `onReset()` when frames were lost, and `onLink(open)` as the link comes and goes. */
export function listen({ onFrame, onReset, onLink }) {
  let source = null;
  const open = () => {
    source = new EventSource("/live");
    source.onopen = () => onLink(true);
    source.onmessage = (message) => onFrame(JSON.parse(message.data));
    source.addEventListener("reset", onReset);
    source.onerror = () => {
      onLink(false);
      // A browser gives up after some errors (a proxy's 502, say); a page left open all day must not.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 3000);
    };
  };
  open();
}
