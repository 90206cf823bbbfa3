"""The triage graph of this repository: a refund that is too large waits for a person.

cairn serve --nodes examples/nodes.ts && cairn graph register examples/*/graph.yaml
python clients/python/examples/refund.py [ADDRESS]
"""

import sys

import cairn

with cairn.Client(*sys.argv[1:]) as client:
    thread = client.thread("ticket-from-python")
    ticket = {"subject": "Charged twice", "text": "A refund, please.", "amount": 240}
    # The request ids make both calls safe to repeat: run this program again, and it gets the same answers.
    outcome = thread.run(ticket, graph="triage", request_id="python-run-1")
    for interrupt in outcome.interrupts:
        print(interrupt.node, "asks", interrupt.value)
    outcome = thread.resume({"approved": True}, request_id="python-answer-1")
    print(outcome.status, outcome.state.values["reply"])
    for event in thread.events(after=0, until_now=True):
        print(event.number, type(event).__name__)
