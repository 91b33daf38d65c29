// What the page knows of all rooms: outlines by id, moved by the news of live frames.

const TABLES = ["newest", "info", "counts"];

export class Known extends Map {
  /** News of one device, as outline_news of the monitor makes them; false when too little is known for them. */
  hear(news) {
    const known = this.get(news.id);
    if (!known) {
      if (!news.counts || !("presence" in news)) return false;
      this.set(news.id, news);
      return true;
    }
    for (const [key, value] of Object.entries(news)) {
      if (TABLES.includes(key) && value && known[key]) Object.assign(known[key], value);
      else known[key] = value;
    }
    return true;
  }

  /** All of them anew. */
  replace(devices) {
    this.clear();
    for (const device of devices) this.set(device.id, device);
  }
}
