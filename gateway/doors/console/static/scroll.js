// Scrolls over more pixels than a browser lets an element be high: small moves are exact, large ones go by proportion.
const HEIGHT_MAX = 8_000_000;
const IDLE_MS = 150;

export class Scroll {
  // root: what scrolls; space: what gives it its height; moved: is called when `top` has changed.
  constructor(root, space, moved) {
    this.root = root;
    this.space = space;
    this.moved = moved;
    this.top = 0;
    this.seen = 0;
    this.height = 0;
    this.view = 0;
    root.addEventListener("scroll", () => this.scrolled(), { passive: true });
  }

  // Says how high everything is, how high what is seen of it, and how much stands above it.
  resize(height, view, above) {
    this.height = height;
    this.view = view;
    this.space.style.height = `${Math.min(height, HEIGHT_MAX)}px`;
    this.topMax = Math.max(0, height - view);
    this.seenMax = Math.max(0, Math.min(height, HEIGHT_MAX) + above - this.root.clientHeight);
    this.top = Math.min(this.top, this.topMax);
    this.settle();
  }

  scrolled() {
    const now = this.root.scrollTop;
    const by = now - this.seen;
    if (!by) return;
    this.seen = now;
    if (now <= 0) this.top = 0;
    else if (now >= this.seenMax - 1) this.top = this.topMax;
    else if (Math.abs(by) < this.view) this.top += by;
    else this.top = (now / this.seenMax) * this.topMax;
    this.top = Math.min(Math.max(this.top, 0), this.topMax);
    this.moved();
    clearTimeout(this.idle);
    this.idle = setTimeout(() => this.settle(), IDLE_MS);
  }

  // Brings what stands at `top`, `height` high, into view.
  reveal(top, height) {
    if (top < this.top) this.top = top;
    else if (top + height > this.top + this.view) this.top = top + height - this.view;
    this.settle();
  }

  // Moves the bar to where `top` is, which nobody sees: the rows stand where they stood.
  settle() {
    const place = this.topMax ? Math.round((this.top / this.topMax) * this.seenMax) : 0;
    if (Math.abs(place - this.root.scrollTop) >= 1) this.root.scrollTop = place;
    this.seen = this.root.scrollTop;
  }
}
