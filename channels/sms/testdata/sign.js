// node sign.js NODE_MODULES < {"port": …, "token": …}
// Signs requests with Twilio's own library and sends them, each three times, tampered, and once more at the end. Prints
// one line of JSON a case: what was wanted, and what came.
const path = require('path');
const http = require('http');
const fs = require('fs');
const modules = path.resolve(process.argv[2]);
const { getExpectedTwilioSignature: sign, getExpectedBodyHash: hash } = require(path.join(modules, 'twilio/lib/webhooks/webhooks.js'));
const { port, token } = JSON.parse(fs.readFileSync(0));

const cases = [];
let serial = 0;
const sid = () => 'SM' + String(++serial).padStart(32, '0');
const message = more => ({
  MessageSid: sid(), AccountSid: 'AC' + 'b'.repeat(32), From: '+254712345678', To: '+15005550006',
  Body: 'Habari "1" & <ndiyo> + 100% é ñ 😀\nline2', NumMedia: '0', NumSegments: '1', ApiVersion: '2010-04-01', FromCity: '', ToZip: '', ...more,
});
const encode = params => {
  const u = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) for (const one of [].concat(v)) u.append(k, one);
  return u.toString();
};
const H = 'https://h.example.org';
const P = '/sms/twilio';
// add: a case. at: the configured public address. target: the request line's. signed: the address that Twilio signed.
function add(name, params, o = {}) {
  const at = o.at || H, target = o.target || P;
  const signed = o.signed || at.replace(/#.*/, '') + target;
  cases.push({ name, at, target, json: !!o.json, body: o.body ?? encode(params), signature: o.signature ?? sign(token, signed, o.json ? {} : params), want: o.want || 200 });
}

add('plain', message());
add('query', message(), { target: P + '?tenant=a%20b&x=1' });
add("query with ' as it is", message(), { target: P + "?q=it's&x=(a)" });
add("query with ' signed as it is, sent escaped", message(), { target: P + '?q=it%27s', signed: H + P + "?q=it's" });
add('query %27', message(), { target: P + '?q=it%27s' });
add("query with %27 signed, sent as '", message(), { target: P + "?q=it's", signed: H + P + '?q=it%27s' });
add('query plus', message(), { target: P + '?q=a+b' });
add('query UTF-8 as it is', message(), { target: P + '?q=é' });
add('query UTF-8 signed as it is, sent escaped', message(), { target: P + '?q=%C3%A9', signed: H + P + '?q=é' });
add('query lower hex', message(), { target: P + '?q=%c3%a9' });
add('path escaped', message(), { target: '/sms/twili%6F' });
add('path prefix escaped', message(), { at: H + '/tw/a%2Fb' });
add('path prefix UTF-8 as it is', message(), { at: H + '/tw/é' });
add('path prefix UTF-8, signed escaped', message(), { at: H + '/tw/é', signed: H + '/tw/%C3%A9' + P });
add('path prefix escaped, signed as it is', message(), { at: H + '/tw/%C3%A9', signed: H + '/tw/é' + P });
add('path prefix lower hex', message(), { at: H + '/tw/%c3%a9' });
add('public address with a slash at the end', message(), { at: H + '/', signed: H + P });
add(':443, signed without', message(), { at: H + ':443', signed: H + P });
add('no port, signed with :443', message(), { signed: H + ':443' + P });
add(':8443, signed with', message(), { at: H + ':8443' });
add(':8443, signed without', message(), { at: H + ':8443', signed: H + P });
add('http with a port', message(), { at: 'http://h.example.org:8080', target: P + '?a=b' });
add('http, signed with :80', message(), { at: 'http://h.example.org', signed: 'http://h.example.org:80' + P });
add('IPv6 with a port', message(), { at: 'https://[2001:db8::1]:8443' });
add('IPv6, signed without the port', message(), { at: 'https://[2001:db8::1]:8443', signed: 'https://[2001:db8::1]' + P });
add('IPv6, signed with :443', message(), { at: 'https://[2001:db8::1]', signed: 'https://[2001:db8::1]:443' + P });
add('user and password, signed with', message(), { at: 'https://u:p%40w@h.example.org' });
add('user and password, signed without', message(), { at: 'https://u:p%40w@h.example.org', signed: H + P });
add('capitals in the host', message(), { at: 'https://H.Example.org' });
add('capitals in the host, signed without', message(), { at: 'https://H.Example.org', signed: H + P });
add('fragment, signed with', message(), { at: H + '#rc=3&rp=all', signed: H + P + '#rc=3&rp=all' });
add('fragment, signed without', message(), { at: H + '#rc=3&rp=all' });
add('one query key twice', message(), { target: P + '?a=2&a=1' });
add('empty query', message(), { target: P + '?' });
add('one name, two values', message({ MediaUrl: ['b', 'a'] }));
add('one name, one value twice', message({ MediaUrl: ['a', 'a'] }));
add('no parameters', {}, { want: 400 });
add('semicolons escaped', message({ Body: 'a;b;c' }));
{ const p = { Body: 'a;b', From: '+254712345678', MessageSid: sid() };
  add('semicolon as it is', p, { body: `From=%2B254712345678&MessageSid=${p.MessageSid}&Body=a;b` }); }
add('CR, LF and NUL', message({ Body: 'a\r\nb\u0000c' }));
add('a percent sign that escapes nothing', { From: '+254712345678', MessageSid: 'SMpercent', Body: '100%' }, { body: 'From=%2B254712345678&MessageSid=SMpercent&Body=100%' });
add('parameters that are new', message({ ChannelMetadata: '{"type":"whatsapp"}', ProfileName: 'Ñandú', WaId: '254712' }));
add('names that sort by case', message({ a: '1', B: '2', A: '3', b: '4' }));
const json = JSON.stringify(message());
const sum = '?bodySHA256=' + hash(json);
add('JSON', null, { json: true, target: P + sum, body: json });
add('JSON and another query', null, { json: true, target: P + '?foo=bar&' + sum.slice(1), body: json });
add('JSON tampered', null, { json: true, target: P + sum, body: json + ' ', want: 403 });
add('JSON with the sum of another', null, { json: true, target: P + '?bodySHA256=' + hash('{}'), body: json, want: 403 });
add('JSON without a sum', null, { json: true, body: json, want: 403 });
add('JSON of nothing', null, { json: true, target: P + '?bodySHA256=' + hash(''), body: '', want: 400 });
add('signed for another host', message(), { signed: 'https://other.example.org' + P, want: 403 });
add('signed for another scheme', message(), { signed: 'http://h.example.org' + P, want: 403 });
add('signed for another path', message(), { signed: H + P + '/status', want: 403 });
add('signed for another query', message(), { target: P + '?a=1', signed: H + P + '?a=2', want: 403 });
add('signed with another token', message(), { signature: sign('f'.repeat(32), H + P, message()), want: 403 });
add('signed with nothing', message(), { signature: '', want: 403 });
add('signature of the wrong length', message(), { signature: 'AAAA', want: 403 });

let seed = 7;
const random = n => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
const letters = [..."abcXYZ019 _-.~!*'();:@&=+$,/?%#[]{}\"<>\\^`|éñßжक中😀\n\t"];
for (let i = 0; i < 500; i++) {
  const p = { MessageSid: sid(), From: '+254712345678', Body: '' };
  for (let k = 1 + random(12); k > 0; k--) {
    let name = '', value = '';
    for (let q = 1 + random(6); q > 0; q--) name += 'abcdefXYZ'[random(9)];
    for (let q = random(20); q > 0; q--) value += letters[random(letters.length)];
    p[name] = value;
  }
  for (let q = random(40); q > 0; q--) p.Body += letters[random(letters.length)];
  add('random ' + i, p, { target: P + '?n=' + i + (i % 3 ? '' : '&q=' + encodeURIComponent(letters[random(letters.length)])) });
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const send = (c, body = c.body, signature = c.signature) => new Promise((resolve, reject) => {
  const bytes = Buffer.from(body);
  const r = http.request({ agent, port, host: '127.0.0.1', method: 'POST', path: Buffer.from(c.target).toString('latin1'), headers: {
    'X-Public-URL': encodeURIComponent(c.at), 'Content-Length': bytes.length,
    'Content-Type': c.json ? 'application/json' : 'application/x-www-form-urlencoded; charset=utf-8',
    ...(signature ? { 'X-Twilio-Signature': signature } : {}) } }, answer => {
    let text = '';
    answer.setEncoding('utf8').on('data', d => (text += d)).on('end', () => resolve({ status: answer.statusCode, text }));
  });
  r.on('error', reject).end(bytes);
});
const other = s => (s[0] === 'A' ? 'B' : 'A') + s.slice(1);

(async () => {
  for (const c of cases) {
    c.got = [await send(c), await send(c), await send(c)];
    c.tampered = [(await send(c, c.body + '&Body=x')).status];
    if (c.signature) c.tampered.push((await send(c, c.body, other(c.signature))).status);
  }
  for (const c of cases) {
    c.got.push(await send(c)); // late
    console.log(JSON.stringify({ name: c.name, want: c.want, got: c.got, tampered: c.tampered }));
  }
  agent.destroy();
})();
