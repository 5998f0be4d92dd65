// Whether a part of a page is in sight, so that what nobody sees is not computed.

export class Seen {
  /**
   * @param {Element} element
   * @param {() => void} appeared Called whenever it comes into sight.
   */
  constructor(element, appeared) {
    this.now = false;
    this.observer = new IntersectionObserver(([entry]) => {
      this.now = entry.isIntersecting;
      if (this.now) appeared();
    });
    this.observer.observe(element);
  }

  destroy() {
    this.observer.disconnect();
  }
}
