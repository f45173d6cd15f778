// A table of any number of rows: only those in view are in the page, and come from the console as they are scrolled to.
import { provenFetch } from "./proof.js";
import { Pages } from "./pages.js";
import { Scroll } from "./scroll.js";

const ROW_HEIGHT = 32;
const SPARE_ROWS = 4;
const RETRY_MS = 1500;
const WIDTH_MIN = 64;
const CHARACTER = 8.6;
const WIDE_CHARACTER = 15;
const CELL_PADDING = 20;
const WIDTH_MAX = 360;
// What a spreadsheet would run when it is pasted there.
const FORMULA = /^[\s"']*[=+\-@＝＋－＠\t\r\n]/;

function element(role, className = "", text = "") {
  const made = document.createElement("div");
  if (role) made.setAttribute("role", role);
  made.className = className;
  made.textContent = text;
  return made;
}

// Returns how wide a text is, as near as counting characters tells: measuring waits for fonts.
function widthOf(text) {
  const wide = text.match(/[^\x00-\u02ff]/g)?.length ?? 0;
  return Math.ceil(wide * WIDE_CHARACTER + (text.length - wide) * CHARACTER) + CELL_PADDING;
}

class Grid {
  constructor(section) {
    this.section = section;
    this.words = section.dataset;
    this.root = section.querySelector(".grid");
    this.told = section.querySelector(".grid-cell");
    this.total = 0;
    this.active = { row: 0, column: 0 };
    this.chosen = -1;
    this.columns = null;
    this.lines = [];
    this.pages = new Pages(section.dataset.source, provenFetch, () => this.draw(), () => this.gone());
    document.addEventListener("htmx:afterSettle", () => this.look());
    section.querySelector(".grid-go").addEventListener("submit", (event) => {
      event.preventDefault();
      this.goTo(Number(event.target.elements[0].value) - 1, this.active.column);
      this.root.focus({ preventScroll: true });
    });
    this.look();
  }

  // Looks how far the query has come.
  look() {
    const state = document.getElementById("result-state");
    if (!state || !this.section.isConnected) return;
    const rows = Number(state.dataset.rows);
    const kept = ["running", "complete"].includes(state.dataset.state);
    this.section.hidden = !(kept && rows);
    if (state.dataset.state !== this.state) this.say(state.dataset.state, rows);
    this.state = state.dataset.state;
    if (!kept) this.pages.clear();
    else if (!this.columns && rows) this.begin();
    else if (this.columns) this.grow(rows);
  }

  say(state, rows) {
    const words = { complete: this.words.wordsComplete, closed: this.words.wordsGone }[state];
    if (words) document.getElementById("result-said").textContent = words.replace("{rows}", rows.toLocaleString());
  }

  // Says that the rows are not kept any more; the state says why.
  gone() {
    this.section.hidden = true;
    this.say("closed", 0);
    this.state = "closed";
    const path = this.section.dataset.source.replace(/rows$/, "state");
    htmx.ajax("GET", path, { target: "#result-state", source: "#result-state", swap: "outerHTML" });
  }

  // Asks for the first rows and the columns.
  async begin() {
    if (this.beginning || this.pages.over) return;
    this.beginning = true;
    const first = await this.pages.first().catch(() => null);
    this.beginning = false;
    if (!first) {
      setTimeout(() => this.look(), RETRY_MS);
      return;
    }
    this.columns = first.columns;
    this.build(first.rows);
    this.grow(Math.max(first.total, Number(document.getElementById("result-state").dataset.rows)));
    this.section.dataset.ready = "";
  }

  build(rows) {
    this.root.setAttribute("aria-colcount", this.columns.length + 1);
    this.root.style.setProperty("--columns", this.widths(rows));
    const head = element("rowgroup", "grid-head");
    const line = element("row", "grid-line");
    line.setAttribute("aria-rowindex", 1);
    line.append(element("columnheader", "row-number", this.words.wordsRow), ...this.columns.map((column) => this.heading(column)));
    [...line.children].forEach((cell, index) => cell.setAttribute("aria-colindex", index + 1));
    head.append(line);
    this.space = element("presentation", "grid-space");
    this.rows = element("rowgroup", "grid-rows");
    this.space.append(this.rows);
    this.root.replaceChildren(head, this.space);
    this.head = head;
    this.scroll = new Scroll(this.root, this.space, () => this.draw());
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.root.addEventListener("pointerdown", (event) => this.point(event));
    this.root.addEventListener("copy", (event) => this.copy(event));
    new ResizeObserver(() => this.fit()).observe(this.root);
    this.fit();
  }

  heading(column) {
    const cell = element("columnheader", column.kind);
    const title = document.createElement("strong");
    title.textContent = column.title;
    cell.append(title);
    if (column.title !== column.name) {
      const name = document.createElement("code");
      name.textContent = column.name;
      cell.append(name);
    }
    const treatment = document.createElement("span");
    treatment.className = column.clear ? "clear" : "cut";
    treatment.textContent = column.treatment;
    cell.append(treatment);
    cell.title = [column.title, column.name, column.treatment].filter(Boolean).join("\n");
    return cell;
  }

  // Returns column widths that fit headings and the first rows.
  widths(rows) {
    const widths = this.columns.map((column, index) => {
      const texts = [column.title, column.name, column.treatment, ...rows.map((row) => (row[index] ?? "").slice(0, 80))];
      return Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, ...texts.map(widthOf)));
    });
    return ["88px", ...widths.map((width, index) => (index === widths.length - 1 ? `minmax(${width}px, 1fr)` : `${width}px`))].join(" ");
  }

  // Makes as many lines as fit into the view, and those beyond the edges.
  fit() {
    this.viewHeight = Math.max(0, this.root.clientHeight - this.head.offsetHeight);
    this.rows.style.top = `${this.head.offsetHeight}px`;
    const count = Math.ceil(this.viewHeight / ROW_HEIGHT) + SPARE_ROWS;
    while (this.lines.length > count) this.lines.pop().remove();
    while (this.lines.length < count) {
      const line = element("row", "grid-line");
      line.append(element("rowheader", "row-number"), ...this.columns.map((column) => element("gridcell", column.kind)));
      [...line.children].forEach((cell, index) => cell.setAttribute("aria-colindex", index + 1));
      this.lines.push(line);
      this.rows.append(line);
    }
    this.resize();
  }

  grow(total) {
    if (total === this.total) return;
    this.total = total;
    this.pages.grow(total);
    this.root.setAttribute("aria-rowcount", total + 1);
    this.section.querySelector("#grid-row").max = total;
    this.resize();
  }

  resize() {
    this.rows.style.height = `${Math.min(this.viewHeight, this.total * ROW_HEIGHT)}px`;
    this.scroll.resize(this.total * ROW_HEIGHT, this.viewHeight, this.head.offsetHeight);
    this.draw();
  }

  // Fills the lines in view.
  draw() {
    if (!this.scroll) return;
    const top = this.scroll.top;
    const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - 1);
    for (let row = first; row < first + this.lines.length; row += 1) {
      const line = this.lines[row % this.lines.length];
      line.hidden = row >= this.total;
      if (!line.hidden) this.fill(line, row, top);
    }
    this.pages.want(first, Math.min(this.total, first + this.lines.length));
    this.mark();
  }

  fill(line, row, top) {
    line.style.transform = `translateY(${row * ROW_HEIGHT - top}px)`;
    const values = this.pages.row(row);
    if (line.row === row && line.values === values) return;
    line.row = row;
    line.values = values;
    line.id = `grid-row-${row}`;
    line.setAttribute("aria-rowindex", row + 2);
    line.classList.toggle("waiting", !values);
    const [number, ...cells] = line.children;
    number.textContent = (row + 1).toLocaleString("en");
    cells.forEach((cell, index) => {
      const value = values?.[index];
      cell.textContent = values ? (value ?? "—") : "…";
      cell.id = `grid-${row}-${index}`;
    });
  }

  // Shows which cell is active, to eyes and to screen readers.
  mark() {
    for (const marked of this.rows.querySelectorAll(".active")) marked.classList.remove("active");
    for (const line of this.lines) line.classList.toggle("chosen", line.row === this.chosen && !line.hidden);
    const cell = document.getElementById(`grid-${this.active.row}-${this.active.column}`);
    if (cell && !cell.parentElement.hidden) {
      cell.classList.add("active");
      this.root.setAttribute("aria-activedescendant", cell.id);
    } else {
      this.root.removeAttribute("aria-activedescendant");
    }
    const value = this.pages.row(this.active.row)?.[this.active.column];
    const place = this.words.firstRow.replace("{row}", (this.active.row + 1).toLocaleString("en"));
    this.told.textContent = this.total ? `${place} · ${this.columns[this.active.column].title}：${value ?? "—"}` : "";
  }

  goTo(row, column) {
    this.active = {
      row: Math.min(Math.max(row, 0), Math.max(this.total - 1, 0)),
      column: Math.min(Math.max(column, 0), this.columns.length - 1),
    };
    this.scroll.reveal(this.active.row * ROW_HEIGHT, ROW_HEIGHT);
    this.draw();
    this.revealColumn();
  }

  revealColumn() {
    const cell = document.getElementById(`grid-${this.active.row}-${this.active.column}`);
    if (!cell) return;
    const covered = this.rows.querySelector(".row-number").offsetWidth;
    const left = cell.offsetLeft - covered;
    const right = cell.offsetLeft + cell.offsetWidth - this.root.clientWidth;
    if (left < this.root.scrollLeft) this.root.scrollLeft = left;
    else if (right > this.root.scrollLeft) this.root.scrollLeft = right;
  }

  key(event) {
    const { row, column } = this.active;
    const page = Math.max(1, Math.floor(this.viewHeight / ROW_HEIGHT) - 1);
    const far = event.ctrlKey || event.metaKey;
    const moves = {
      ArrowDown: [far ? this.total : row + 1, column],
      ArrowUp: [far ? 0 : row - 1, column],
      ArrowRight: [row, far ? this.columns.length : column + 1],
      ArrowLeft: [row, far ? 0 : column - 1],
      PageDown: [row + page, column],
      PageUp: [row - page, column],
      Home: [far ? 0 : row, 0],
      End: [far ? this.total : row, this.columns.length],
    };
    if (event.key === " " && event.shiftKey) this.chosen = this.chosen === row ? -1 : row;
    else if (event.key === "Escape") this.chosen = -1;
    else if (!moves[event.key] || event.altKey) return;
    event.preventDefault();
    if (moves[event.key]) this.goTo(...moves[event.key]);
    else this.mark();
  }

  point(event) {
    const cell = event.target.closest(".grid-rows .grid-line > div");
    if (!cell) return;
    const index = [...cell.parentElement.children].indexOf(cell) - 1;
    const { row } = cell.parentElement;
    this.chosen = index < 0 ? row : -1;
    this.active = { row, column: Math.max(index, 0) };
    this.mark();
  }

  // Copies the active cell, or the chosen row, unless text is selected.
  copy(event) {
    if (!getSelection().isCollapsed) return;
    const row = this.chosen >= 0 ? this.chosen : this.active.row;
    const values = this.pages.row(row);
    if (!values) return;
    const safe = (value, index) => (this.columns[index].kind === "text" && FORMULA.test(value ?? "") ? `'${value}` : (value ?? ""));
    const texts = values.map(safe);
    event.clipboardData.setData("text/plain", this.chosen >= 0 ? texts.join("\t") : texts[this.active.column]);
    event.preventDefault();
    document.getElementById("result-said").textContent = this.words.wordsCopied;
  }
}

export function start(section) {
  section.grid = new Grid(section);
}
