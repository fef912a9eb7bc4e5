import { Tracker } from '/tracker.js';

const find = (id) => document.getElementById(id);
const element = (name, text, kind = '') => Object.assign(document.createElement(name), { textContent: text, className: kind });
const count = (id, by = 1) => { find(id).textContent = Number(find(id).textContent) + by; };

// What was sent from here.

const sent = new Map();
const times = [];
const NAMES = { page: 'page view', leave: 'left the page', identify: 'sign in', book: 'transport booked' };

function told(event, state, took) {
  let item = sent.get(event.id);
  if (!item) {
    item = element('li', NAMES[event.kind] ?? event.name);
    item.append(element('span', ''));
    sent.set(event.id, item);
    find('outbox').prepend(item);
    while (find('outbox').children.length > 6) find('outbox').lastChild.remove();
    count('sent');
  }
  if (state === 'committed') {
    if (!item.classList.contains('committed')) count('committed');
    times.push(took);
    const middle = times.toSorted((a, b) => a - b)[times.length >> 1];
    find('latency').textContent = `${Math.round(middle)} ms`;
    item.classList.add('committed');
    state = `committed after ${Math.round(took)} ms`;
    if (item.classList.contains('landed')) state += ', in the lake';
  }
  item.lastChild.textContent = state;
}

const tracker = new Tracker(told);
const ROUTES = ['Milano', 'Gdańsk', 'Zürich', 'Barcelona', 'København'];
let wagons = 0;

const EVENTS = {
  page: () => ({ kind: 'page' }),
  search() {
    find('to').textContent = ROUTES[(ROUTES.indexOf(find('to').textContent) + 1) % ROUTES.length];
    return { kind: 'action', name: 'search', label: find('to').textContent };
  },
  wagon() {
    find('wagons').textContent = wagons += 1;
    return { kind: 'action', name: 'add wagon', value: 412.5 };
  },
  identify() {
    tracker.identify('customer-42');
    return { kind: 'identify' };
  },
  book() {
    const data = { wagons, price: wagons * 412.5, currency: 'EUR' };
    return { kind: 'book', data, route: { from: 'Rotterdam', to: find('to').textContent } };
  },
};

document.querySelectorAll('[data-event]').forEach((button) =>
  button.addEventListener('click', () =>
    tracker.send(document.querySelector('[name=way]:checked').value, EVENTS[button.dataset.event]())));
addEventListener('pagehide', () => tracker.send('beacon', { kind: 'leave' }));
tracker.send('post', { kind: 'page' });

// What is in the lake.

const CLOCK = { hour12: false, hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 };
const SHORT = { page_view: 'page view', page_ping: 'page ping', struct: 'action', unstruct: 'self-describing' };

/** What a row says, in either protocol. */
function summary(row) {
  if ('event_id' in row || 'v_tracker' in row) {
    const described = row.unstruct_event?.schema.split('/')[1];
    const more = described ?? row.se_action ?? row.page_title ?? '';
    return { id: row.event_id ?? '', protocol: 'Snowplow', at: row.derived_tstamp, name: SHORT[row.event] ?? row.event, more };
  }
  const more = row.event ?? row.name ?? row.userId ?? '';
  return { id: row.messageId ?? '', protocol: 'Segment', at: row.timestamp, name: row.type, more };
}

function show({ id, row }, fresh) {
  const event = summary(row ?? {});
  const line = element('tr', '', fresh ? 'new' : '');
  line.tabIndex = 0;
  line.dataset.record = id;
  line.dataset.eventId = event.id;
  line.dataset.protocol = event.protocol;
  const name = element('td', `${event.name} `);
  name.append(element('small', event.more));
  const short = element('td', '');
  const code = element('code', event.id.slice(0, 8));
  code.title = event.id;
  short.append(code);
  const record = element('td', '');
  record.append(element('code', id));
  line.append(element('td', event.at ? new Date(event.at).toLocaleTimeString([], CLOCK) : ''));
  line.append(name, element('td', event.protocol), short, record);
  line.addEventListener('click', () => trace(id, row));
  line.addEventListener('keydown', (pressed) => pressed.key === 'Enter' && trace(id, row));
  const item = sent.get(event.id);
  if (item) {
    line.classList.add('mine');
    const state = item.lastChild;
    if (!item.classList.contains('landed')) count('landed');
    if (!item.classList.contains('committed')) count('committed');
    item.classList.add('committed', 'landed');
    state.textContent = state.textContent.startsWith('committed') ? `${state.textContent}, in the lake` : 'in the lake';
  }
  find('rows').prepend(line);
  while (find('rows').children.length > 100) find('rows').lastChild.remove();
  find('empty').hidden = true;
}

let seq = 0;

async function follow() {
  for (;;) {
    try {
      const answer = await fetch(`/lake/latest?after=${seq}`);
      if (!answer.ok) throw new Error((await answer.json()).error);
      const latest = await answer.json();
      latest.events.forEach((event) => show(event, seq > 0));
      seq = latest.seq;
      find('state').textContent = `live, ${latest.seq} commits`;
      find('state').classList.remove('down');
    } catch (error) {
      find('state').textContent = 'the lake cannot be read';
      find('state').classList.add('down');
    }
    await new Promise((done) => setTimeout(done, 400));
  }
}

/** Shows where a record came from. */
async function trace(id, row) {
  const answer = await fetch(`/lake/trace/${id}`);
  const found = await answer.json();
  if (!answer.ok) return;
  find('trace-id').textContent = id;
  find('trace-row').textContent = JSON.stringify(row, null, 2);
  find('trace-raw').textContent = found.raw ?? 'not kept';
  const facts = {
    'committed': `${new Date(found.committed_at).toLocaleString()}, commit ${found.commit}`,
    'received at': `${found.locator}, document ${found.document}`,
    'known beside it': Object.entries(found.properties ?? {}).map((pair) => pair.join(' ')).join(', '),
    'bytes': `${found.length} at ${found.offset} of the document`,
    'object': found.raw_object,
    'steps': found.steps.join(', '),
  };
  find('trace-facts').replaceChildren(
    ...Object.entries(facts).flatMap(([name, fact]) => [element('dt', name), element('dd', fact ?? '')]));
  find('trace').showModal();
}

follow();
