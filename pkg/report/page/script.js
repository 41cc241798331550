'use strict';
// Beside a narrow page there is no room for the contents, and above it they are in the way.
if (!matchMedia('(min-width: 76rem)').matches) document.querySelector('nav details').open = false;

// element returns a new element with some properties and children.
const element = (name, properties = {}, ...children) => {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in e) e[key] = value;
    else e.setAttribute(key, value);
  }
  e.append(...children);
  return e;
};

// A Packed reads the numbers of a base64 text one after the other.
class Packed {
  constructor(text) {
    this.view = new DataView(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
    this.at = 0;
  }
  list(length, read, size) {
    const list = Array.from({length}, (_, i) => this.view[read](this.at + i * size, true));
    this.at += length * size;
    return list;
  }
  int32(length) { return this.list(length, 'getInt32', 4); }
  uint16(length) { return this.list(length, 'getUint16', 2); }
  float32(length) { return this.list(length, 'getFloat32', 4); }
}

const number = n => n.toLocaleString('en-US');
