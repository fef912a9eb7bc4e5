// The trackers of Snowplow and Segment for browsers, on a page of another origin: node trackers.js CHROMIUM COLLECTOR ORIGIN
//
// Writes, as JSON, the ids of the events that were answered, how they were sent, and what the browser complained about.

const path = require('path');
const { chromium } = require('playwright-core');

const [executablePath, collector, origin] = process.argv.slice(2);
const args = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
const script = (name, file) => path.join(path.dirname(require.resolve(name + '/package.json')), 'dist', file);

async function main() {
  const browser = await chromium.launch({ executablePath, args });
  const page = await browser.newPage();
  page.setDefaultTimeout(30000);
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (line) => line.type() === 'error' && errors.push(line.text()));
  const requests = [];
  page.on('response', (response) => {
    const request = response.request();
    const { pathname, href } = new URL(request.url());
    if (!href.startsWith(collector) || request.method() === 'OPTIONS') return;
    requests.push({ way: `${request.method()} ${pathname} ${response.status()}`, sent: request.postData() ?? href });
  });
  await page.goto(origin + '/');
  await page.addScriptTag({ path: script('@snowplow/browser-tracker', 'index.umd.js') });
  await page.addScriptTag({ path: script('@segment/analytics-next', 'umd/index.js') });
  await page.evaluate(async (collector) => {
    const snowplow = globalThis.snowplowBrowserTracking;
    snowplow.newTracker('post', collector, { appId: 'shop' });
    snowplow.newTracker('get', collector, { appId: 'shop', eventMethod: 'get' });
    snowplow.trackPageView();
    snowplow.trackStructEvent({ category: 'cart', action: 'add', value: 12.5 });
    snowplow.trackSelfDescribingEvent({ event: { schema: 'iglu:com.acme/buy/jsonschema/1-0-0', data: { sku: '~?>ü' } } });
    const load = (deliveryStrategy) => {
      const integrations = { 'Segment.io': { apiKey: 'WK', apiHost: new URL(collector).host + '/v1', protocol: 'http', deliveryStrategy } };
      return globalThis.AnalyticsNext.AnalyticsBrowser.load({ writeKey: 'WK', cdnSettings: { integrations } });
    };
    for (const analytics of [load(undefined), load({ strategy: 'batching', config: { size: 2, timeout: 100 } })]) {
      await Promise.all([analytics.track('Bought', { amount: 3.5 }), analytics.identify('u1', { plan: 'pro' }), analytics.page('Home')]);
    }
  }, collector);
  const ids = () => {
    const all = requests.map(({ sent }) => sent).join('\n');
    return [...new Set([...all.matchAll(/(?:"(?:eid|messageId)":"|[?&]eid=)([^"&]+)/g)].map((found) => found[1]))];
  };
  const until = Date.now() + 20000;
  while (ids().length < 12 && Date.now() < until) await new Promise((done) => setTimeout(done, 50));
  const ways = [...new Set(requests.map(({ way }) => way))].sort();
  await browser.close();
  process.stdout.write(JSON.stringify({ ids: ids(), ways, errors }));
}

main().catch((error) => { console.error(error); process.exit(1); });
