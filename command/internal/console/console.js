// The server makes the page, and sends again each part of it that has changed. What is here puts the parts
// in their place, and leaves alone what somebody is using.
'use strict';

const $ = (id) => document.getElementById(id);
const maxRefusals = 50;
let source = null;
let arrived = 0; // refusals since the last news
const waiting = new Map(); // parts that are in use, with what they will be

function inUse(part) {
  if (part.contains(document.activeElement)) return true;
  const selection = getSelection();
  return !selection.isCollapsed && part.contains(selection.anchorNode);
}

function show(id, html) {
  const part = $(id);
  if (!part) return;
  if (inUse(part)) {
    waiting.set(id, html);
    return;
  }
  waiting.delete(id);
  const open = [...part.querySelectorAll('details[open]')].map((d) => d.dataset.keep);
  part.innerHTML = html;
  for (const details of part.querySelectorAll('details')) details.open = open.includes(details.dataset.keep);
}

function refuse(id, html) {
  const list = $('refusals');
  if ($(id)) return;
  list.insertAdjacentHTML('afterbegin', html);
  list.firstElementChild.classList.add('new');
  arrived++;
  while (list.children.length > maxRefusals && !inUse(list.lastElementChild)) list.lastElementChild.remove();
}

function state(word) {
  const live = $('live');
  live.textContent = word;
  live.className = `chip live ${word === 'live' ? '' : word === 'paused' ? 'paused' : 'lost'}`;
  live.hidden = false;
}

function watch() {
  source = new EventSource('/console/events');
  source.addEventListener('section', (e) => { const s = JSON.parse(e.data); show(s.ID, s.HTML); });
  source.addEventListener('refusal', (e) => { const s = JSON.parse(e.data); refuse(s.ID, s.HTML); });
  source.addEventListener('tick', () => {
    state('live');
    for (const [id, html] of waiting) show(id, html);
  });
  source.onerror = () => state('connection lost');
}

$('pause').hidden = false;
$('pause').onclick = () => {
  if (source) {
    source.close();
    source = null;
    state('paused');
  } else watch();
  $('pause').textContent = source ? 'Pause' : 'Go on';
};

// Who listens to the page is told now and then how much is new, and not each line of it.
setInterval(() => {
  if (arrived > 0) $('news').textContent = `${arrived} new ${arrived === 1 ? 'refusal' : 'refusals'}`;
  arrived = 0;
}, 10000);

watch();
