// Reads an org with jsforce, and prints what it found.
const { createSign } = require("node:crypto");
const { readFileSync } = require("node:fs");
const jsforce = require(process.argv[2]);

const given = JSON.parse(readFileSync(0, "utf8"));
const oauth2 = { loginUrl: given.url, clientId: given.client, clientSecret: given.secret };

async function bySecret() {
  const org = new jsforce.Connection({ oauth2, loginUrl: given.url, version: "62.0" });
  await org.authorize({ grant_type: "client_credentials" });
  return org;
}

async function byKey() {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(given.now / 1000) + 120;
  const claims = { iss: given.client, sub: given.user, aud: "https://test.salesforce.com", exp };
  const signed = `${part({ alg: "RS256" })}.${part(claims)}`;
  const signature = createSign("RSA-SHA256").update(signed).sign(given.key).toString("base64url");
  const org = new jsforce.Connection({ oauth2, loginUrl: given.url, version: "62.0" });
  const grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
  await org.authorize({ grant_type: grant, assertion: `${signed}.${signature}` });
  return org;
}

async function code(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return error.errorCode ?? error.name;
  }
}

async function main() {
  const found = {};
  const org = await bySecret();
  const soql = "SELECT Id, Name, Revenue, SystemModstamp FROM Account ORDER BY SystemModstamp, Id";
  const first = await org.query(soql);
  found.first = [first.totalSize, first.done, first.records.length];
  const all = await org.query(soql, { autoFetch: true, maxFetch: 10000 });
  found.all = all.records.map((record) => ({ ...record, attributes: null }));
  const withDeleted = { autoFetch: true, maxFetch: 10000, scanAll: true };
  const everything = await org.query("SELECT Name FROM Account", withDeleted);
  found["with deleted"] = everything.records.map((record) => record.Name);
  const where = await org.query("SELECT Name FROM Account WHERE Name LIKE 'it\\'s%' OR Revenue >= 2473");
  found.where = where.records.map((record) => record.Name);
  found.count = (await org.query("SELECT COUNT() FROM Account")).totalSize;
  found.usage = [org.limitInfo.apiUsage.used, org.limitInfo.apiUsage.limit];
  const about = await org.sobject("Account").describe();
  const type = (name) => about.fields.find((field) => field.name === name).type;
  found.fields = [type("Name"), type("SystemModstamp"), type("Revenue")];
  found.objects = (await org.describeGlobal()).sobjects.map((object) => object.name);
  found.limit = (await org.limits()).DailyApiRequests.Max;
  found.one = (await org.sobject("Account").retrieve(found.all[0].Id)).Name;
  const replicated = await org.sobject("Account").deleted(given.start, given.end);
  found.deleted = replicated.deletedRecords.map((record) => record.id).sort();
  // On several pages it takes the header of each for a record, so there is but one here.
  org.bulk2.pollInterval = 10;
  const bulk = await (await org.bulk2.query("SELECT Name, Revenue FROM Account")).toArray();
  found.bulk = bulk.map((record) => [record.Name, record.Revenue]);
  found["by key"] = (await (await byKey()).query("SELECT COUNT() FROM Account")).totalSize;
  found.refused = await code(org.query("SELECT Nothing FROM Account"));
  oauth2.clientSecret = "wrong";
  found["not let in"] = await code(bySecret());
  console.log(JSON.stringify(found));
}

main();
