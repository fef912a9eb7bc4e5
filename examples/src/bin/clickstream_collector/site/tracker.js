// A small tracker that speaks the protocols of Snowplow and Segment.

const TP2 = '/com.snowplowanalytics.snowplow/tp2';
const PAUSE = 1000;

const known = (store, name) => {
  const value = store.getItem(name) ?? crypto.randomUUID?.() ?? uuid();
  store.setItem(name, value);
  return value;
};

/** A random UUID, also where the page did not come over HTTPS. */
function uuid() {
  const hex = [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte, at) => (at === 6 ? (byte & 15) | 64 : at === 8 ? (byte & 63) | 128 : byte).toString(16).padStart(2, '0'))
    .join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

const base64url = (value) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value))))
    .replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');

const iglu = (path, data) => ({ schema: `iglu:${path}/jsonschema/1-0-0`, data });

/** An event of the page as a payload of Snowplow's tracker protocol. */
function payload(event, visitor) {
  const common = {
    eid: event.id, dtm: String(event.at), tv: 'page-1', tna: 'page', aid: 'freight', p: 'web', cs: document.characterSet,
    duid: visitor.browser, sid: visitor.session, lang: navigator.language, tz: Intl.DateTimeFormat().resolvedOptions().timeZone,
    res: `${screen.width}x${screen.height}`, vp: `${innerWidth}x${innerHeight}`, url: location.href, page: document.title,
  };
  if (visitor.user) common.uid = visitor.user;
  if (document.referrer) common.refr = document.referrer;
  const described = (name, data) =>
    base64url(iglu('com.snowplowanalytics.snowplow/unstruct_event', iglu(`example.freight/${name}`, data)));
  const contexts = (name, data) =>
    base64url(iglu('com.snowplowanalytics.snowplow/contexts', [iglu(`example.freight/${name}`, data)]));
  switch (event.kind) {
    case 'page': return { e: 'pv', ...common };
    case 'leave': return { e: 'pp', ...common, pp_mix: '0', pp_max: '0', pp_miy: '0', pp_may: String(Math.round(scrollY)) };
    case 'identify': return { e: 'ue', ...common, ue_px: described('sign_in', { user: visitor.user }) };
    case 'book': return { e: 'ue', ...common, ue_px: described('transport_booked', event.data), cx: contexts('route', event.route) };
    default: return { e: 'se', ...common, se_ca: 'booking', se_ac: event.name, se_la: event.label ?? '', se_va: String(event.value ?? '') };
  }
}

/** An event of the page as a call of Segment, and its path. */
function call(event, visitor) {
  const common = {
    messageId: event.id, timestamp: new Date(event.at).toISOString(), anonymousId: visitor.browser, userId: visitor.user,
    context: { library: { name: 'page', version: '1' }, locale: navigator.language, page: { url: location.href, title: document.title } },
  };
  switch (event.kind) {
    case 'page': return ['/v1/p', { ...common, type: 'page', name: document.title, properties: { url: location.href } }];
    case 'identify': return ['/v1/i', { ...common, type: 'identify', traits: { plan: 'trial' } }];
    case 'book': return ['/v1/t', { ...common, event: 'Transport booked', properties: { ...event.data, ...event.route } }];
    default: return ['/v1/t', { ...common, event: event.name, properties: { label: event.label, value: event.value } }];
  }
}

/** Sends events, and again what was not taken. Every change of an event's state is told. */
export class Tracker {
  constructor(tell) {
    this.tell = tell;
    this.visitor = { browser: known(localStorage, 'browser'), session: known(sessionStorage, 'session'), user: null };
  }

  identify(user) {
    this.visitor.user = user;
  }

  /** Sends an event in one of four ways: `post`, `pixel`, `segment`, `beacon`. */
  async send(way, event) {
    event = { id: uuid(), at: Date.now(), way, ...event };
    this.tell(event, 'sending');
    if (way === 'beacon') {
      const taken = navigator.sendBeacon(...this.beacon(event));
      return this.tell(event, taken ? 'given to the browser' : 'not taken');
    }
    for (let tries = 1; ; tries += 1) {
      const begun = performance.now();
      if (await this.try(way, event).catch(() => false)) return this.tell(event, 'committed', performance.now() - begun);
      this.tell(event, `not yet, try ${tries}`);
      await new Promise((done) => setTimeout(done, PAUSE * Math.min(tries, 10)));
    }
  }

  /** An address and a body for `sendBeacon`, which goes out even while the page is left. */
  beacon(event) {
    const data = [{ ...payload(event, this.visitor), stm: String(Date.now()) }];
    const body = { schema: 'iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4', data };
    return [TP2, new Blob([JSON.stringify(body)], { type: 'application/json' })];
  }

  async try(way, event) {
    const post = async (path, body) => (await fetch(path, { method: 'POST', body, headers: { 'content-type': 'application/json' }, keepalive: true })).ok;
    if (way === 'post') return post(...this.beacon(event));
    if (way === 'pixel') {
      const query = new URLSearchParams({ ...payload(event, this.visitor), stm: String(Date.now()) });
      return new Promise((done) => {
        const picture = new Image(1, 1);
        picture.onload = () => done(true);
        picture.onerror = () => done(false);
        picture.src = `/i?${query}`;
      });
    }
    const [path, body] = call(event, this.visitor);
    return post(path, JSON.stringify({ ...body, sentAt: new Date().toISOString() }));
  }
}
