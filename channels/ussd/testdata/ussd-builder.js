// What npm ussd-builder makes of gateways' requests, and what it answers with a screen: a line of JSON each way.
const Menu = require(process.argv[2] + '/ussd-builder')
for (const line of require('fs').readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const { provider, request, screen, over } = JSON.parse(line)
  const menu = new Menu({ provider })
  menu.mapArgs(request)
  menu.session = { end() {} }
  over ? menu.end(screen) : menu.con(screen)
  console.log(JSON.stringify({ number: menu.args.phoneNumber, text: menu.args.text, answer: menu.result }))
}
