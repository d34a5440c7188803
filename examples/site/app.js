// Each button sends one request, or two, and shows what went over the wire. There
// is no framework here, and no state but the entity tags of what was seen.

const $ = (id) => document.getElementById(id);

// What is shown of requests and answers: the fields this page is about.
const shown = ['If-Match', 'If-None-Match', 'If-Range', 'Range', 'ETag', 'Content-Range', 'Content-Length'];

// send sends a request and shows it with its answer. The server says "no-cache", so the browser
// may keep what it gets, and asks before it uses it again: what is shown here is always current.
async function send(method, path, fields = {}, body = undefined) {
  const response = await fetch(path, { method, headers: fields, body });
  const item = document.createElement('li');
  line(item, '', `→ ${method} ${new URL(path, location.href).pathname}`);
  for (const name of shown) if (fields[name]) line(item, 'field', `${name}: ${fields[name]}`);
  line(item, colour(response.status), `← ${response.status} ${response.statusText || words[response.status] || ''}`);
  for (const name of shown) {
    const value = response.headers.get(name);
    if (value) line(item, 'field', `${name}: ${value}`);
  }
  const wire = $('wire');
  wire.querySelector('.empty')?.remove();
  wire.prepend(item);
  told(`${method} → ${response.status} ${response.statusText || words[response.status] || ''}`);
  return response;
}

// told says the outcome beside the button that was pressed: on a phone the wire is further down.
function told(text) {
  const section = document.activeElement?.closest('section');
  if (!section) return;
  const last = section.querySelector('.last') ?? section.appendChild(document.createElement('p'));
  last.className = 'last';
  last.textContent = text;
}

// HTTP/2 has status codes without words.
const words = {
  200: 'OK', 201: 'Created', 204: 'No Content', 206: 'Partial Content', 304: 'Not Modified', 403: 'Forbidden',
  404: 'Not Found', 412: 'Precondition Failed', 428: 'Precondition Required',
};

function line(parent, className, text) {
  const div = document.createElement('div');
  div.className = className;
  div.textContent = text;
  parent.append(div);
}

function colour(status) {
  if (status === 304) return 'same';
  return status < 400 ? 'good' : 'bad';
}

// --- Save, unless someone else has ---

let seen = ''; // the entity tag of the version in the editor
let base = ''; // the text of that version: what both have begun with

function show(text, tag) {
  $('text').value = base = text;
  accept(tag);
}

function accept(tag) {
  seen = tag;
  $('version').textContent = tag;
  $('refusal').hidden = true;
}

async function load() {
  const response = await send('GET', 'notes.json');
  if (response.ok) show(await response.text(), response.headers.get('ETag'));
}

async function save(tag) {
  const response = await send('PUT', 'notes.json', { 'If-Match': tag, 'Content-Type': 'application/json' }, $('text').value);
  if (response.ok) {
    base = $('text').value;
    accept(response.headers.get('ETag'));
  } else await explain(response);
}

// Someone else does what every careful writer does: read, change, save what was
// read.
async function someoneElse() {
  const before = await send('GET', 'notes.json');
  const tag = before.headers.get('ETag');
  const text = await before.text();
  let changed = text + '\n';
  try {
    const notes = JSON.parse(text);
    notes.items = [...(notes.items ?? []), others[(notes.items ?? []).length % others.length]];
    changed = JSON.stringify(notes, null, 2) + '\n';
  } catch { /* what is saved need not be JSON */ }
  await send('PUT', 'notes.json', { 'If-Match': tag, 'Content-Type': 'application/json' }, changed);
}

const others = ['olives', 'a lemon', 'candles', 'oat milk', 'string', 'stamps', 'cinnamon'];

// explain shows a refusal: the server has said what happened and what to do.
async function explain(response) {
  const box = $('refusal');
  box.replaceChildren();
  box.hidden = false;
  let problem = {};
  try { problem = await response.json(); } catch { /* not from this server */ }
  add(box, 'h3', `${response.status} ${problem.title ?? words[response.status] ?? ''}`);
  if (problem.detail) add(box, 'p', sentence(problem.detail));
  const changes = problem.changes?.patch;
  if (Array.isArray(changes)) {
    add(box, 'p', `Since then${problem.since ? `, at ${new Date(problem.since).toLocaleTimeString()}` : ''}:`);
    const list = add(box, 'ul', '');
    for (const change of changes) add(list, 'li', describe(change));
  } else if (problem.changes?.text) {
    add(box, 'pre', problem.changes.text);
  }
  if (problem.hint) add(box, 'p', sentence(problem.hint));
  const current = problem.current?.etag;
  if (current) {
    const buttons = add(box, 'p', '');
    buttons.className = 'buttons';
    const both = add(buttons, 'button', 'Merge both');
    both.className = 'main';
    both.onclick = mergeBoth;
    add(buttons, 'button', 'Take theirs').onclick = load;
    add(buttons, 'button', 'Save mine over theirs').onclick = () => save(current);
  }
}

// mergeBoth puts what both have changed into the editor, on top of their version. It is saved by the button, as anything is:
// a merge wants to be read first.
async function mergeBoth() {
  const mine = $('text').value;
  const response = await send('GET', 'notes.json');
  const theirs = await response.text();
  const box = $('refusal');
  try {
    const merged = merge(JSON.parse(base), JSON.parse(mine), JSON.parse(theirs), '');
    show(theirs, response.headers.get('ETag'));
    $('text').value = JSON.stringify(merged, null, 2) + '\n';
    box.replaceChildren();
    box.hidden = false;
    add(box, 'h3', 'Both changes are in the editor');
    add(box, 'p', 'Look at it, and save: it goes out with the tag of their version, so nobody is overwritten unseen.');
  } catch (error) {
    add(box, 'p', `That cannot be merged by a rule: ${error.message}. Change yours, or take theirs.`);
  }
}

// merge brings two changes of the same value together: what one side left alone is as the other has it.
function merge(base, mine, theirs, path) {
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  if (same(mine, base) || same(mine, theirs)) return theirs;
  if (same(theirs, base)) return mine;
  const all = [base, mine, theirs];
  if (all.every(Array.isArray)) {
    const has = (list, item) => list.some((one) => same(one, item));
    const removed = (item) => has(base, item) && !has(mine, item);
    return [...theirs.filter((item) => !removed(item)), ...mine.filter((item) => !has(base, item) && !has(theirs, item))];
  }
  if (all.every((value) => value && typeof value === 'object' && !Array.isArray(value))) {
    const merged = {};
    for (const name of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
      const value = merge(base[name], mine[name], theirs[name], `${path}/${name}`);
      if (value !== undefined) merged[name] = value;
    }
    return merged;
  }
  throw new Error(`both have changed ${path || 'all of it'}`);
}

// describe puts an operation of a JSON Patch (RFC 6902) into words.
function describe({ op, path, from, value }) {
  const what = JSON.stringify(value);
  switch (op) {
    case 'add': return `${what} was added at ${path}`;
    case 'remove': return `${path} was removed`;
    case 'replace': return `${path} became ${what}`;
    case 'move': return `${from} moved to ${path}`;
    case 'copy': return `${from} was copied to ${path}`;
  }
  return `${op} ${path}`;
}

function add(parent, element, text) {
  const e = document.createElement(element);
  e.textContent = text;
  parent.append(e);
  return e;
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

// --- The other three ---

let copy = ''; // the entity tag of our copy of the story

async function ask() {
  const response = await send('GET', 'story.txt', copy ? { 'If-None-Match': copy } : {});
  if (response.ok) copy = response.headers.get('ETag');
}

// resume begins a download, and goes on with it as if it had been cut. A browser
// asks for ranges of the file as it is, never of a compressed form of it.
async function resume(stale) {
  const begun = await send('GET', 'story.txt', { Range: 'bytes=0-999' });
  const tag = stale ? '"a-version-that-is-gone"' : begun.headers.get('ETag');
  await send('GET', 'story.txt', { Range: 'bytes=1000-', 'If-Range': tag });
}

const created = new Map(); // name to entity tag

async function create() {
  const name = $('name').value.trim();
  if (!name) return;
  const response = await send('PUT', encodeURIComponent(name), { 'If-None-Match': '*' }, 'Hello.\n');
  if (response.ok) created.set(name, response.headers.get('ETag'));
  offerDelete();
}

function offerDelete() {
  $('delete').disabled = !created.has($('name').value.trim());
}

async function remove() {
  const name = $('name').value.trim();
  const response = await send('DELETE', encodeURIComponent(name), { 'If-Match': created.get(name) });
  if (response.ok) created.delete(name);
  offerDelete();
}

const empty = document.createElement('li');
empty.className = 'empty';
empty.textContent = 'Nothing yet. Press a button.';
$('wire').append(empty);

$('save-mine').onclick = () => save(seen);
$('save-theirs').onclick = someoneElse;
$('reload').onclick = load;
$('ask').onclick = ask;
$('create-new').onclick = create;
$('delete').onclick = remove;
$('name').oninput = offerDelete;
$('resume-same').onclick = () => resume(false);
$('resume-stale').onclick = () => resume(true);
offerDelete();
load();
