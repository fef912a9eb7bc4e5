// The trackers of Snowplow and Segment for Node.js, at a collector on a port: node trackers.js PORT WRITE_KEY
//
// Writes a line `refused TRACKER STATUS` for each answer that was not good, and at the end one with the ids of all events.

const snowplow = require('@snowplow/node-tracker');
const { Analytics } = require('@segment/analytics-node');

const [port, key] = process.argv.slice(2);
const say = (line) => process.stdout.write(line + '\n');
const rest = (ms) => new Promise((done) => setTimeout(done, ms));

async function sendSnowplow(method) {
  const delivered = new Set();
  const tracker = snowplow.newTracker(
    { namespace: 'node-' + method, appId: 'shop', encodeBase64: method === 'post' },
    {
      endpoint: '127.0.0.1', protocol: 'http', port: Number(port), eventMethod: method, bufferSize: 3,
      onRequestSuccess: (payloads) => payloads.forEach((payload) => delivered.add(payload.eid)),
      onRequestFailure: (failure) => say(`refused ${method} ${failure.status}`),
    },
  );
  tracker.setUserId('ü ser+&');
  tracker.setScreenResolution(1920, 1080);
  const contexts = [{ schema: 'iglu:com.acme/user/jsonschema/1-0-0', data: { kind: 'tester', euro: '€' } }];
  const events = [
    snowplow.buildPageView({ pageUrl: 'https://shop.example/?q=a%20b&c', pageTitle: 'Räder & mehr' }),
    snowplow.buildStructEvent({ category: 'cart', action: 'add', label: 'x', value: 12.5 }),
    snowplow.buildSelfDescribingEvent({
      event: { schema: 'iglu:com.acme/buy/jsonschema/1-0-0', data: { sku: '~?>ü', amount: 3 } },
    }),
    snowplow.buildPagePing({ pageUrl: 'https://shop.example/', minXOffset: 0, maxXOffset: 10, minYOffset: 0, maxYOffset: 900 }),
    snowplow.buildEcommerceTransaction({ orderId: 'o1', total: 20 }),
  ];
  const ids = events.map((event) => tracker.track(event, contexts).eid);
  while (!ids.every((id) => delivered.has(id))) {
    await tracker.flush();
    await rest(50);
  }
  return ids;
}

async function sendSegment() {
  const analytics = new Analytics({ writeKey: key, host: 'http://127.0.0.1:' + port, maxRetries: 30, flushAt: 4 });
  analytics.on('http_response', (answer) => answer.status === 200 || say(`refused segment ${answer.status}`));
  analytics.on('error', (error) => { throw error; });
  const ids = ['track', 'identify', 'page', 'screen', 'group', 'alias'].map((kind) => 'segment-' + kind);
  const message = (kind) => ({ userId: 'u1', messageId: 'segment-' + kind });
  analytics.track({ ...message('track'), event: 'Bought', properties: { amount: 3.5, sku: 'ü' } });
  analytics.identify({ ...message('identify'), traits: { plan: 'pro' } });
  analytics.page({ ...message('page'), name: 'Home' });
  analytics.screen({ ...message('screen'), name: 'Start' });
  analytics.group({ ...message('group'), groupId: 'g' });
  analytics.alias({ ...message('alias'), previousId: 'p' });
  await analytics.closeAndFlush({ timeout: 60000 });
  return ids;
}

Promise.all([sendSnowplow('post'), sendSnowplow('get'), sendSegment()]).then((ids) => say(JSON.stringify(ids.flat())));
