// Rows of a result, fetched in pages as they are needed; a bounded number of pages is kept.
const ROWS = 100;
const KEPT_MAX = 40;
const AT_ONCE_MAX = 2;
const PAUSE_MS = 40;
const RETRY_MS = 1500;

export class Pages {
  // source: path of the rows; fetch: signs requests; changed: is called when rows came; gone: when there are none any more.
  constructor(source, fetch, changed, gone) {
    this.source = source;
    this.fetch = fetch;
    this.changed = changed;
    this.gone = gone;
    this.over = false;
    this.seen = 0;
    this.moved = false;
    this.kept = new Map();
    this.asked = new Map();
    this.wanted = [];
    this.total = 0;
    this.fetched = [];
  }

  // Returns the first page with the columns; nothing when it did not come.
  async first() {
    const answer = await this.fetch(`${this.source}/live?from=0&count=${ROWS}&columns=1`);
    if (answer.status === 404) this.end();
    if (!answer.ok) return null;
    const page = await answer.json();
    this.keep(0, page.rows);
    return page;
  }

  // Returns the values of a row; nothing while they are not here.
  row(number) {
    return this.kept.get(Math.floor(number / ROWS))?.[number % ROWS];
  }

  // Says how many rows there are; a page that has become longer is asked for again.
  grow(total) {
    this.total = total;
  }

  // Whether a page is not here, or only the rows that it had when it was fetched.
  lacks(page) {
    return (this.kept.get(page)?.length ?? 0) < Math.min(ROWS, this.total - page * ROWS);
  }

  // Says which rows are in view: their pages, and the next one, are fetched; what nobody looks at any more is not.
  want(first, end) {
    if (end <= first || this.over) return;
    if (first !== this.seen) this.moved = true;
    this.seen = first;
    const wanted = [];
    for (let page = Math.floor(first / ROWS); page <= Math.floor((end - 1) / ROWS); page += 1) wanted.push(page);
    const next = wanted.at(-1) + 1;
    if (next * ROWS < this.total) wanted.push(next);
    this.wanted = wanted;
    for (const page of wanted) this.touch(page);
    for (const [page, asked] of this.asked) if (!wanted.includes(page)) asked.abort();
    this.timer ??= setTimeout(() => this.ask(), PAUSE_MS);
  }

  clear() {
    this.kept.clear();
    this.wanted = [];
  }

  // Ends it for good: the rows are not kept any more.
  end() {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.timer);
    this.clear();
    for (const asked of this.asked.values()) asked.abort();
    this.gone();
  }

  ask() {
    this.timer = undefined;
    if (this.over) return;
    const missing = this.wanted.filter((page) => this.lacks(page) && !this.asked.has(page));
    for (const page of missing.slice(0, Math.max(0, AT_ONCE_MAX - this.asked.size))) this.load(page);
  }

  async load(page) {
    const stop = new AbortController();
    this.asked.set(page, stop);
    let pause = PAUSE_MS;
    // Only what somebody scrolled to keeps the session alive: neither retries nor rows that came while nobody did anything.
    const source = this.moved ? this.source : `${this.source}/live`;
    this.moved = false;
    try {
      const answer = await this.fetch(`${source}?from=${page * ROWS}&count=${ROWS}`, { signal: stop.signal });
      if (this.over) return;
      if (answer.status === 404) {
        this.end();
        return;
      }
      if (!answer.ok) throw new Error(answer.status);
      this.keep(page, (await answer.json()).rows);
      this.changed();
    } catch {
      pause = stop.signal.aborted ? PAUSE_MS : RETRY_MS;
    } finally {
      this.asked.delete(page);
    }
    if (!this.over && this.wanted.some((one) => this.lacks(one))) this.timer ??= setTimeout(() => this.ask(), pause);
  }

  keep(page, rows) {
    this.kept.delete(page);
    this.kept.set(page, rows);
    while (this.kept.size > KEPT_MAX) this.kept.delete(this.kept.keys().next().value);
  }

  // Moves a page to the end of those that are dropped first.
  touch(page) {
    const rows = this.kept.get(page);
    if (rows) this.keep(page, rows);
  }
}
