// Calls a chatflow with npm's flowise-sdk; prints what it returns or yields, or what it throws.
const { FlowiseClient } = require('flowise-sdk')

let input = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', (piece) => (input += piece))
process.stdin.on('end', async () => {
    const { url, key, ...data } = JSON.parse(input)
    const said = {}
    try {
        const answer = await new FlowiseClient({ baseUrl: url, apiKey: key }).createPrediction(data)
        if (data.streaming) {
            said.yielded = []
            for await (const event of answer) said.yielded.push(event)
        } else {
            said.returned = answer
        }
    } catch (error) {
        said.raised = error.message
    }
    process.stdout.write(JSON.stringify(said))
})
