#!/usr/bin/env node
// Check an exported record of the CAIA portal: the second implementation, written against FORMAT.md.
//
//     node verify.mjs BUNDLE [--trust FILE] [--seen FILE]... [--json]
//
// Exit code: 0 it holds, 1 it is broken, 2 it can't be read. Node 20 or newer, nothing else. caia_verify.py, beside this
// file, explains each step; the tests hold both to the same answer. Longer than 400 lines so that it stays one file.

import crypto from "node:crypto";
import fs from "node:fs";
import readline from "node:readline";
import { Readable, pipeline } from "node:stream";
import zlib from "node:zlib";

const MAX_LINE = 1 << 20;
const DEFAULT_CLOCK_SLACK = 600;
const ED25519 = 1;
const COSIGNATURE = 4;

class Unreadable extends Error {}

function need(condition, words) {
  if (!condition) throw new Unreadable(words);
}

// --- Hashes and the Merkle tree (RFC 6962) ---

const sha256 = crypto.hash
  ? (content) => crypto.hash("sha256", content, "buffer")
  : (content) => crypto.createHash("sha256").update(content).digest();

function leafHash(event) {
  const content = Buffer.allocUnsafe(event.length + 1);
  content[0] = 0;
  event.copy(content, 1);
  return sha256(content);
}

function nodeHash(left, right) {
  const content = Buffer.allocUnsafe(65);
  content[0] = 1;
  left.copy(content, 1);
  right.copy(content, 33);
  return sha256(content);
}

function rootOf(hashes) {
  if (hashes.length === 0) return sha256(Buffer.alloc(0));
  let level = hashes;
  while (level.length > 1) {
    const above = [];
    for (let at = 0; at + 1 < level.length; at += 2) above.push(nodeHash(level[at], level[at + 1]));
    if (level.length % 2) above.push(level[level.length - 1]);
    level = above;
  }
  return level[0];
}

/** A tree that grows by full tiles of 256 leaves; keeps the roots of its complete subtrees. */
class Tree {
  constructor(subtrees = []) {
    this.subtrees = [...subtrees];
  }

  addTile(root) {
    let tiles = 1;
    while (this.subtrees.length && this.subtrees.at(-1).tiles === tiles) {
      root = nodeHash(this.subtrees.pop().root, root);
      tiles *= 2;
    }
    this.subtrees.push({ tiles, root });
  }

  rootWith(leaves) {
    const roots = this.subtrees.map((one) => one.root);
    if (leaves.length) roots.push(rootOf(leaves));
    if (!roots.length) return rootOf([]);
    return roots.reduceRight((node, left) => nodeHash(left, node));
  }
}

function rootFromProof(leaf, index, size, proof) {
  let node = leaf;
  let number = BigInt(index);
  let last = BigInt(size) - 1n;
  for (const sibling of proof) {
    if (last === 0n) return null;
    if (number & 1n || number === last) {
      node = nodeHash(sibling, node);
      while (!(number & 1n) && number) {
        number >>= 1n;
        last >>= 1n;
      }
    } else {
      node = nodeHash(node, sibling);
    }
    number >>= 1n;
    last >>= 1n;
  }
  return last === 0n ? node : null;
}

// --- Signed notes, keys, checkpoints (C2SP) ---

const VKEY = /^([!-*,-~]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/;
const SIGNATURE_LINE = /^— ([!-*,-~]+) ([A-Za-z0-9+/]+=*)$/;
const SPKI_ED25519 = Buffer.from("302a300506032b6570032100", "hex");

function unbase64(text) {
  const value = Buffer.from(text, "base64");
  need(value.toString("base64") === text, "something that should be base64 is not");
  return value;
}

function decimal(text) {
  need(/^(0|[1-9][0-9]{0,15})$/.test(text) && Number.isSafeInteger(Number(text)), "not a plain number");
  return Number(text);
}

class Key {
  constructor(vkey, kind) {
    const match = VKEY.exec(vkey);
    need(match, `not a key: ${vkey.slice(0, 100)}`);
    const material = unbase64(match[3]);
    need(material.length === 33 && material[0] === kind, `the key of ${match[1]} is of another kind`);
    this.vkey = vkey;
    this.name = match[1];
    this.kind = kind;
    this.id = match[2];
    this.public = material.subarray(1);
    const id = sha256(Buffer.concat([Buffer.from(`${this.name}\n`), material])).subarray(0, 4);
    need(id.toString("hex") === this.id, `the key of ${this.name} does not fit its own identifier`);
  }

  /** The time of a valid signature (0 for the log's own kind), or null. */
  timeOf(value, text) {
    let at = 0n;
    let message = text;
    if (this.kind === COSIGNATURE) {
      if (value.length < 8) return null;
      at = value.readBigUInt64BE();
      value = value.subarray(8);
      message = `cosignature/v1\ntime ${at}\n${text}`;
    }
    if (value.length !== 64) return null;
    try {
      const der = Buffer.concat([SPKI_ED25519, this.public]);
      const key = crypto.createPublicKey({ key: der, format: "der", type: "spki" });
      return crypto.verify(null, Buffer.from(message), key, value) ? Number(at) : null;
    } catch {
      return null;
    }
  }
}

class Note {
  constructor(whole) {
    const at = whole.lastIndexOf("\n\n");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    need(at > 0 && whole.endsWith("\n") && at + 2 < whole.length && !/[\x00-\x09\x0b-\x1f]/.test(whole), "not a signed note");
    this.text = whole.slice(0, at + 1);
    this.signatures = whole.slice(at + 2, -1).split("\n").map((line) => {
      const match = SIGNATURE_LINE.exec(line);
      const value = match ? unbase64(match[2]) : Buffer.alloc(0);
      need(value.length >= 5, "not a signature line");
      return { name: match[1], id: value.toString("hex", 0, 4), value: value.subarray(4) };
    });
  }

  times(key) {
    return this.signatures
      .filter((one) => one.name === key.name && one.id === key.id)
      .map((one) => key.timeOf(one.value, this.text));
  }
}

class Checkpoint {
  constructor(text) {
    const lines = text.slice(0, -1).split("\n");
    need(lines.length >= 3 && lines.every((line) => line), "not a checkpoint");
    this.origin = lines[0];
    this.size = decimal(lines[1]);
    this.root = unbase64(lines[2]);
    need(this.root.length === 32, "a checkpoint's root has 32 bytes");
  }
}

// --- The bundle as lines ---

const MOMENT =
  "[12][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\.[0-9]{6}Z";
const IS_MOMENT = new RegExp(`^${MOMENT}$`);
const OCCURRED = new RegExp(`"occurred_at":"(${MOMENT})"`);
const ENTRY = /^\{"entry":(0|[1-9][0-9]{0,15}),(?:"proof":"([A-Za-z0-9+/]*=*)",)?"event":/;
const HEADER = "exported_at format kind logs origin quorum range rotations tiles version witnesses";
const BRACE = 0x7d;

class Bundle {
  constructor(path) {
    this.path = path;
    this.digest = crypto.createHash("sha256");
    this.number = 0;
  }

  *rawChunks() {
    const file = fs.openSync(this.path, "r");
    try {
      for (;;) {
        const chunk = Buffer.allocUnsafe(MAX_LINE);
        const length = fs.readSync(file, chunk);
        if (!length) return;
        yield chunk.subarray(0, length);
      }
    } finally {
      fs.closeSync(file);
    }
  }

  async *unpacked() {
    let [tail, length] = [Buffer.alloc(0), 0];
    const source = this.rawChunks();
    const watched = (function* () {
      for (const chunk of source) {
        tail = Buffer.concat([tail, chunk.subarray(-4)]).subarray(-4);
        yield chunk;
      }
    })();
    const unpack = zlib.createGunzip({ chunkSize: MAX_LINE });
    pipeline(Readable.from(watched), unpack, () => {});
    for await (const chunk of unpack) {
      length += chunk.length;
      yield chunk;
    }
    // The length that the file's end tells: something added after it, or a second part, does not fit.
    need(tail.readUInt32LE() === length % 2 ** 32, "the packed file is cut, or something was added to it");
  }

  async *chunks() {
    const file = fs.openSync(this.path, "r");
    const start = Buffer.alloc(2);
    fs.readSync(file, start, 0, 2, 0);
    fs.closeSync(file);
    if (start[0] === 0x1f && start[1] === 0x8b) yield* this.unpacked();
    else yield* this.rawChunks();
  }

  /** Batches of lines; each batch is what one chunk completed. */
  async *batches() {
    let rest = Buffer.alloc(0);
    try {
      for await (const chunk of this.chunks()) {
        const block = rest.length ? Buffer.concat([rest, chunk]) : chunk;
        const end = block.lastIndexOf(10) + 1;
        rest = block.subarray(end);
        need(rest.length <= MAX_LINE, "a line is too long");
        const lines = [];
        for (let at = 0; at < end; ) {
          const stop = block.indexOf(10, at);
          need(stop - at <= MAX_LINE, "a line is too long");
          lines.push(block.subarray(at, stop));
          at = stop + 1;
        }
        const last = lines.at(-1);
        this.digest.update(block.subarray(0, last && startsWith(last, '{"end":') ? end - last.length - 1 : end));
        yield lines;
      }
    } catch (error) {
      if (error instanceof Unreadable) throw error;
      throw new Unreadable(`the file can't be read: ${error.message}`);
    }
    need(rest.length === 0, "the file was cut in the middle of a line");
  }
}

/** One line after the other, from batches. */
class Lines {
  constructor(bundle) {
    this.bundle = bundle;
    this.source = bundle.batches();
    this.batch = [];
    this.at = 0;
  }

  /** The next line at once if there is one here, else a promise of it; null after the last. */
  next() {
    if (this.at < this.batch.length) {
      this.bundle.number += 1;
      return this.batch[this.at++];
    }
    return this.more();
  }

  async more() {
    while (this.at >= this.batch.length) {
      const { value, done } = await this.source.next();
      if (done) return null;
      this.batch = value;
      this.at = 0;
    }
    return this.next();
  }

  async drain() {
    for await (const _ of this.source);
  }
}

function startsWith(line, prefix) {
  return line.length >= prefix.length && line.latin1Slice(0, prefix.length) === prefix;
}

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value !== null && typeof value === "object") {
    return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

function controlLine(line) {
  let text;
  let value;
  let again;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
    value = JSON.parse(text);
    again = canonical(value);
  } catch {
    throw new Unreadable("a line is not JSON");
  }
  need(again === text && isObject(value) && !/\\u[dD][89a-fA-F]/.test(text), "a line is not in canonical form");
  return value;
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isInteger = (value) => Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0);
const areTexts = (value) => Array.isArray(value) && value.every((one) => typeof one === "string");
const seconds = (moment) => {
  const [year, month, day, hour, minute, second] = moment.match(/[0-9]+/g).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
};

function readHeader(line) {
  const header = controlLine(line);
  need(header.format === "caia-record", "this is not an exported record");
  need(header.version === 1, "this version is not known to this verifier");
  need(Object.keys(header).sort().join(" ") === HEADER, "the header has other fields than it should");
  need(["whole", "selection"].includes(header.kind), "the header's kind is neither whole nor selection");
  need(typeof header.exported_at === "string" && IS_MOMENT.test(header.exported_at), "no export time");
  need(typeof header.tiles === "boolean", "the header does not say whether there are tiles");
  const span = header.range;
  const isSpan = Array.isArray(span) && span.length === 2 && span.every(isInteger) && span[0] < span[1];
  need(span === null || (isSpan && header.kind === "selection"), "the header's range is not one");
  need(areTexts(header.rotations), "the header's rotations are not notes");
  return header;
}

function readTrust(value) {
  need(isObject(value), "trust is not an object");
  need(typeof value.origin === "string" && value.origin, "no origin");
  need(areTexts(value.logs) && value.logs.length, "no keys of the log");
  need(isInteger(value.quorum), "no quorum");
  need(Array.isArray(value.witnesses), "no list of witnesses");
  const logs = value.logs.map((vkey) => new Key(vkey, ED25519));
  const witnesses = value.witnesses.map((one) => {
    need(isObject(one) && Object.keys(one).sort().join() === "center,vkey", "a witness has a center and a vkey");
    need(Object.values(one).every((text) => typeof text === "string" && text), "a witness has a center and a vkey");
    return { center: one.center, key: new Key(one.vkey, COSIGNATURE) };
  });
  const publics = [...logs, ...witnesses.map((one) => one.key)].map((key) => key.public.toString("hex"));
  need(new Set(publics).size === publics.length, "the same key is named twice");
  return { origin: value.origin, logs, witnesses, quorum: value.quorum };
}

// --- The judgement ---

class Judgement {
  constructor(path, seen, slack) {
    Object.assign(this, { bundle: new Bundle(path), seenFiles: seen, slack, givenTrust: null });
    Object.assign(this, { findings: [], remarks: [], stopped: false, checkpoints: [], logKeys: [], seen: [] });
    Object.assign(this, { tree: new Tree(), tileTree: null, entries: 0, tiles: 0, good: 0 });
    Object.assign(this, { differsAt: null, tilesHold: true, latest: "", clock: null, roots: new Map(), wanted: [] });
  }

  find(code, words, index = null) {
    this.findings.push({ code, index, words });
  }

  async run() {
    const lines = new Lines(this.bundle);
    this.header = readHeader((await lines.next()) ?? Buffer.alloc(0));
    const named = readTrust(this.header);
    this.trust = this.givenTrust ?? named;
    this.checkKeys(named);
    let line = await lines.next();
    let count = 0;
    for (; line && startsWith(line, '{"checkpoint":'); line = await lines.next()) {
      this.checkCheckpoint(controlLine(line));
      count += 1;
    }
    this.checkHead();
    this.readSeen();
    if (this.header.kind === "whole") {
      const sizes = [...this.checkpoints, ...this.seen].map((one) => one.size);
      this.wanted = [...new Set(sizes)].sort((a, b) => b - a);
      line = await this.checkAll(line, lines);
    } else {
      line = await this.checkSelection(line, lines);
    }
    if (this.stopped) await lines.drain();
    else await this.checkEnd(line, lines, count);
    if (this.clock && this.clock.index < this.good) this.find("clock", this.clock.words, this.clock.index);
    this.compareSeen();
  }

  checkKeys(named) {
    if (named.origin !== this.trust.origin) {
      this.find("wrong-log", `This is the record of ${named.origin}, not of ${this.trust.origin}.`);
    }
    const { rotations } = this.header;
    need(rotations.length === named.logs.length - 1, "as many rotations as keys, less one");
    const starts = [0];
    rotations.forEach((statement, at) => {
      const [old, fresh] = [named.logs[at], named.logs[at + 1]];
      const note = new Note(statement);
      const head = `key rotation v1\n${named.origin}\nold ${old.vkey}\nnew ${fresh.vkey}\n`;
      const match = /^from ([0-9]+)\ntime [0-9]+\n$/.exec(note.text.slice(head.length));
      const signed = [old, fresh].every((key) => {
        const times = note.times(key);
        return times.length && !times.includes(null);
      });
      if (!note.text.startsWith(head) || !match || !signed) {
        this.find("rotation", `The change of the log's key to ${fresh.vkey} is not signed by both keys.`);
        starts.push(starts.at(-1));
        return;
      }
      starts.push(decimal(match[1]));
      if (starts.at(-1) < starts.at(-2)) {
        this.find("rotation", "The log's keys followed each other in another order than the sizes say.");
      }
    });
    this.logKeys = named.logs.map((key, at) => ({ key, start: starts[at], end: starts[at + 1] ?? Infinity }));
    const chain = named.logs.map((key) => key.vkey);
    const pinned = this.trust.logs.map((key) => key.vkey);
    if (!chain.some((_, at) => pinned.every((vkey, further) => chain[at + further] === vkey))) {
      this.find("wrong-key", "The bundle's keys of the log are not the ones that you trust.");
    }
  }

  checkCheckpoint(line) {
    need(Object.keys(line).join() === "checkpoint" && typeof line.checkpoint === "string", "not a checkpoint line");
    const note = new Note(line.checkpoint);
    const one = new Checkpoint(note.text);
    if (one.origin !== this.header.origin) {
      this.find("wrong-log", `A checkpoint is of another log, ${one.origin}.`);
      return;
    }
    const valid = this.isSignedByLog(note, one.size);
    one.centers = this.centersOf(note, one.size);
    if (!valid) {
      this.find("wrong-key", `The checkpoint of size ${one.size} has no valid signature of the log's key then.`);
      return;
    }
    const last = this.checkpoints.at(-1);
    if (last && one.size < last.size) {
      this.find("backwards", `The checkpoints go backwards, from size ${last.size} to ${one.size}.`);
    } else if (last && one.size === last.size && !one.root.equals(last.root)) {
      this.find("fork", `Fork: the log signed two different histories of the same size, ${one.size}.`);
    } else if (last && one.size === last.size) {
      for (const [center, at] of one.centers) last.centers.set(center, at);
    } else {
      this.checkpoints.push(one);
    }
  }

  isSignedByLog(note, size) {
    let valid = false;
    for (const { key, start, end } of this.logKeys) {
      for (const at of note.times(key)) {
        if (at === null) this.find("bad-signature", `The log's signature under the checkpoint of size ${size} is wrong.`);
        else if (start <= size && size <= end) valid = true;
      }
    }
    return valid;
  }

  centersOf(note, size) {
    const centers = new Map();
    for (const { center, key } of this.trust.witnesses) {
      for (const at of note.times(key)) {
        if (at === null) {
          this.find("bad-signature", `The signature of ${center}'s witness at size ${size} is wrong.`);
          continue;
        }
        const before = Math.max(0, ...this.checkpoints.map((one) => one.centers.get(center) ?? 0));
        if (at < before - this.slack) {
          this.find("clock", `${center}'s witness saw size ${size} earlier than a smaller size.`);
        }
        centers.set(center, Math.max(at, centers.get(center) ?? 0));
      }
    }
    return centers;
  }

  checkHead() {
    const head = this.checkpoints.at(-1);
    const { quorum } = this.trust;
    if (!head) {
      this.find("unsigned", "No checkpoint in this bundle is validly signed by the log.");
    } else if (head.centers.size < quorum) {
      const who = [...head.centers.keys()].sort().join(", ") || "none";
      this.find(
        "quorum",
        `The newest checkpoint (size ${head.size}) needs the witnesses of ${quorum} centers and has: ${who}.`,
      );
    }
  }

  async checkAll(first, lines) {
    let line = first;
    let leaves = [];
    const { tiles } = this.header;
    this.compareRoots(0, [], []);
    while (line && !this.stopped) {
      if (startsWith(line, '{"hashes":')) {
        this.finishTile(leaves, this.readTile(line, leaves));
        leaves = [];
      } else if (startsWith(line, '{"entry":')) {
        need(this.entries % 256 === leaves.length, "a tile line is missing, or stands too early");
        const event = this.eventOf(line);
        if (!event) return line;
        leaves.push(leafHash(event));
        this.checkTime(event, this.entries);
        this.entries += 1;
        if (leaves.length === 256 && !tiles) {
          this.finishTile(leaves, leaves);
          leaves = [];
        }
      } else {
        break;
      }
      line = lines.next();
      if (line instanceof Promise) line = await line;
    }
    if (leaves.length && !this.stopped) {
      need(!tiles, "the last tile line is missing");
      this.finishTile(leaves, leaves);
    }
    if (!this.stopped) this.checkCount();
    return line;
  }

  eventOf(line) {
    const prefix = `{"entry":${this.entries},"event":`;
    if (startsWith(line, prefix) && line.at(-1) === BRACE) return line.subarray(prefix.length, -1);
    const match = ENTRY.exec(line.latin1Slice());
    need(match && match[2] === undefined && line.at(-1) === BRACE, "an event's line is not well-formed");
    decimal(match[1]);
    this.stopped = true;
    this.find("order", `Event ${this.entries} is missing: event ${match[1]} is in its place.`, this.entries);
    return null;
  }

  readTile(line, leaves) {
    const tile = controlLine(line);
    need(this.header.tiles, "a tile line in a bundle without tiles");
    need(Object.keys(tile).join() === "hashes,tile" && typeof tile.hashes === "string", "not a tile line");
    need(isInteger(tile.tile) && tile.tile === this.tiles, "a tile line is out of order");
    const content = unbase64(tile.hashes);
    need(leaves.length && content.length === 32 * leaves.length, "a tile line with more or fewer hashes than events");
    this.tiles += 1;
    return leaves.map((_, at) => content.subarray(32 * at, 32 * at + 32));
  }

  finishTile(leaves, hashes) {
    const start = this.entries - leaves.length;
    if (hashes !== leaves && this.differsAt === null && this.tilesHold) {
      const at = leaves.findIndex((leaf, place) => !leaf.equals(hashes[place]));
      if (at >= 0) {
        this.differsAt = start + at;
        this.tileTree = new Tree(this.tree.subtrees);
      }
    }
    this.compareRoots(start, leaves, hashes);
    if (leaves.length === 256) {
      this.tree.addTile(rootOf(leaves));
      this.tileTree?.addTile(rootOf(hashes));
    }
  }

  compareRoots(start, leaves, hashes) {
    while (this.wanted.length && this.wanted.at(-1) <= this.entries && !this.stopped) {
      const size = this.wanted.pop();
      const root = this.tree.rootWith(leaves.slice(0, size - start));
      this.roots.set(size, root);
      const at = this.differsAt;
      const differs = at !== null && at < size;
      const signed = this.checkpoints.find((one) => one.size === size)?.root;
      if (!signed) continue;
      if (signed.equals(root)) {
        this.good = size;
        if (differs) {
          this.find("tile", `The log's tile is damaged at event ${at}; the events themselves hold there.`, at);
          Object.assign(this, { differsAt: null, tileTree: null, tilesHold: false });
        }
        continue;
      }
      this.stopped = true;
      if (differs && this.tileTree.rootWith(hashes.slice(0, size - start)).equals(signed)) {
        this.find("altered", `Event ${at} is not the event that was recorded. All before it hold.`, at);
      } else {
        const where = `An event from ${this.good} to ${size - 1}`;
        const what = `is not as recorded, is missing or was added: the signed root at size ${size} does not fit.`;
        this.find("altered", `${where} ${what}`, this.good);
      }
    }
  }

  checkCount() {
    const size = this.checkpoints.at(-1)?.size ?? 0;
    const { entries, differsAt } = this;
    if (entries < size) {
      const words = `The end is missing: the log signed ${size} events and this bundle has ${entries}.`;
      this.find("truncated", words, entries);
    } else if (entries > size && this.checkpoints.length) {
      this.find("extra", `The events from ${size} on are under no signed checkpoint.`, size);
    }
    if (differsAt !== null) {
      const words = `Event ${differsAt} differs from the log's tile, and no checkpoint says which is right.`;
      this.find("altered", words, differsAt);
    }
  }

  async checkSelection(first, lines) {
    let line = first;
    need(this.checkpoints.length <= 1 && !this.header.tiles, "a selection has one checkpoint and no tiles");
    const span = this.header.range;
    let last = -1;
    this.stopped = !this.checkpoints.length;
    while (line && startsWith(line, '{"entry":') && !this.stopped) {
      const match = ENTRY.exec(line.latin1Slice());
      need(match && match[2] !== undefined && line.at(-1) === BRACE, "an event's line is not well-formed");
      const [index, event, proof] = [decimal(match[1]), line.subarray(match[0].length, -1), unbase64(match[2])];
      need(proof.length % 32 === 0, "an event's index or proof is out of bounds");
      const expected = span ? span[0] + this.entries : index;
      if (index <= last || index !== expected || (span && index >= span[1])) {
        this.stopped = true;
        const place = span ? expected : last + 1;
        this.find("order", `Event ${index} stands where event ${place} or a later one should.`, place);
        break;
      }
      last = index;
      if (!this.isIncluded(event, index, proof)) {
        this.stopped = true;
        this.find("proof", `Event ${index} is not in the log as it is written here.`, index);
        break;
      }
      this.entries += 1;
      this.checkTime(event, index);
      line = await lines.next();
    }
    if (span && !this.stopped && span[0] + this.entries < span[1]) {
      const from = span[0] + this.entries;
      this.find("truncated", `The events from ${from} on are missing.`, from);
    }
    this.good = Infinity;
    return line;
  }

  isIncluded(event, index, proof) {
    const head = this.checkpoints[0];
    const path = [];
    for (let at = 0; at < proof.length; at += 32) path.push(proof.subarray(at, at + 32));
    return index < head.size && Boolean(rootFromProof(leafHash(event), index, head.size, path)?.equals(head.root));
  }

  checkTime(event, index) {
    const moment = OCCURRED.exec(event.latin1Slice())?.[1];
    if (moment && moment >= this.latest) {
      this.latest = moment;
    } else if (!this.clock && (!moment || seconds(moment) < seconds(this.latest) - this.slack)) {
      const words = `The clock went backwards at event ${index}: ${moment ?? "no time"}, after ${this.latest || "none"}.`;
      this.clock = { index, words };
    }
  }

  async checkEnd(line, lines, checkpoints) {
    need(line && startsWith(line, '{"end":'), "the file was cut, or a line is of no known kind");
    const { end, ...more } = controlLine(line);
    need(isObject(end) && !Object.keys(more).length, "not an end line");
    const { entries, tiles } = this;
    need((await lines.next()) === null, "there are lines after the end");
    const expected = canonical({ checkpoints, entries, sha256: this.bundle.digest.digest("hex"), tiles });
    need(canonical(end) === expected || this.findings.length, "counts or checksum differ: the file was cut or damaged");
  }

  readSeen() {
    for (const path of this.seenFiles) {
      let content;
      try {
        content = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(fs.readFileSync(path));
      } catch (error) {
        throw new Unreadable(`${path} can't be read: ${error.message}`);
      }
      if (!content.startsWith("{")) {
        this.rememberSeen(path, content, 0);
        continue;
      }
      for (const line of content.split("\n").slice(0, -1)) {
        let value;
        try {
          value = JSON.parse(line);
        } catch {
          throw new Unreadable(`${path} is not a witness's file`);
        }
        need(isObject(value), `${path} is not a witness's file`);
        this.rememberSeen(path, value.note, value.at);
      }
    }
  }

  rememberSeen(path, text, at) {
    need(typeof text === "string" && isInteger(at), `${path} is not a witness's file`);
    const note = new Note(text);
    const { origin, size, root } = new Checkpoint(note.text);
    if (origin === this.trust.origin) this.seen.push({ path, note, size, root, at });
  }

  compareSeen() {
    const roots = new Map(this.roots);
    for (const one of this.checkpoints) if (!roots.has(one.size)) roots.set(one.size, one.root);
    const reach = this.header.kind === "selection" ? Math.max(0, ...roots.keys()) : this.entries;
    let agreed = 0;
    let later = 0;
    for (const { path, note, size, root, at } of this.seen) {
      const known = roots.get(size);
      if (known?.equals(root)) {
        agreed += 1;
        continue;
      }
      if (!known && (size <= reach || this.stopped)) continue;
      if (!this.logKeys.some(({ key }) => note.times(key).some((time) => time !== null))) continue;
      if (known) {
        this.find("seen-fork", `Fork: ${path} holds a different history of size ${size}, signed by the log.`);
      } else if (at <= seconds(this.header.exported_at)) {
        const words = `The end was cut off: ${path} holds a checkpoint of size ${size}, signed before this export;`;
        this.find("seen-cut", `${words} the bundle reaches ${reach}.`, reach);
      } else {
        later += 1;
      }
    }
    if (this.seen.length) {
      this.remarks.push(
        `Of ${this.seen.length} checkpoints seen elsewhere ${agreed} agree with this bundle; ${later} are younger than it.`,
      );
    }
  }
}

// --- The report and the command line ---

async function verify({ path, trust = null, seen = [], slack = DEFAULT_CLOCK_SLACK }) {
  const one = new Judgement(path, seen, slack);
  try {
    if (trust) {
      let value;
      try {
        value = JSON.parse(fs.readFileSync(trust, "utf8"));
      } catch (error) {
        throw new Unreadable(`${trust} can't be read: ${error.message}`);
      }
      one.givenTrust = readTrust(value);
    }
    await one.run();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const words = `${error.message} (line ${one.bundle.number}).`;
    return { exit: 2, first_bad_index: null, findings: [{ code: "unreadable", index: null, words }] };
  }
  const indexes = one.findings.map((finding) => finding.index).filter((index) => index !== null);
  const head = one.checkpoints.at(-1);
  return {
    exit: one.findings.length ? 1 : 0,
    first_bad_index: indexes.length ? Math.min(...indexes) : null,
    findings: one.findings,
    origin: one.header.origin,
    kind: one.header.kind,
    exported_at: one.header.exported_at,
    entries: one.entries,
    size: head?.size ?? 0,
    root: head?.root.toString("base64") ?? "",
    centers: head ? [...head.centers.keys()].sort() : [],
    quorum: one.trust.quorum,
    logs: one.logKeys.map(({ key }) => key.vkey),
    trust: one.givenTrust ? "given" : "bundle",
    remarks: one.remarks,
  };
}

function inWords(report) {
  const lines = [["IT HOLDS.", "IT IS BROKEN.", "IT CAN'T BE READ."][report.exit]];
  lines.push(...report.findings.map((finding) => `  - ${finding.words}`));
  if (report.exit === 2) return lines;
  if (report.first_bad_index !== null) lines.push(`First bad event: ${report.first_bad_index}`);
  lines.push(
    "",
    `Record of     ${report.origin}, as of ${report.exported_at} (by the portal's word)`,
    `Events        ${report.entries} (${report.kind}), under the checkpoint of size ${report.size}`,
    `Root          ${report.root}`,
    `Witnessed by  ${report.centers.join(", ") || "nobody"} (needed: ${report.quorum})`,
    ...report.remarks,
  );
  if (report.trust === "bundle") {
    lines.push("The keys were taken from the bundle itself; compare them with the keys that your center holds:");
    lines.push(...report.logs.map((vkey) => `  ${vkey}`));
  }
  return lines;
}

async function main(words) {
  if (words.includes("--batch")) {
    for await (const line of readline.createInterface({ input: process.stdin })) {
      process.stdout.write(`${JSON.stringify(await verify(JSON.parse(line)))}\n`);
    }
    return 0;
  }
  const asked = { path: null, seen: [] };
  let json = false;
  for (let at = 0; at < words.length; at += 1) {
    if (words[at] === "--json") json = true;
    else if (words[at] === "--trust") asked.trust = words[(at += 1)];
    else if (words[at] === "--seen") asked.seen.push(words[(at += 1)]);
    else if (words[at] === "--clock-slack") asked.slack = Number(words[(at += 1)]);
    else asked.path = words[at];
  }
  if (!asked.path) {
    console.error("node verify.mjs BUNDLE [--trust FILE] [--seen FILE]... [--clock-slack SECONDS] [--json]");
    return 2;
  }
  const report = await verify(asked);
  console.log(json ? JSON.stringify(report, null, 1) : inWords(report).map((line) => line.replace(/[\p{C}\u2028\u2029]/gu, "\ufffd")).join("\n"));
  return report.exit;
}

process.exitCode = 2; // a fault of this program must not look like a verdict
process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  return 2;
});
