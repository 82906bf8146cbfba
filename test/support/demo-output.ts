/** What `npm run demo` prints, each time. */
export const demoOutput = `\
An Engram, a registry that keeps its replica there, and three agents. Each is a process, and what an agent does
with a message is a shell script, examples/agent.sh: apollo adds, athena finds the largest, hermes sorts.

$ for name in apollo athena hermes; do socketctl create $name; done
apollo
athena
hermes

A question to the team. The answers are read from the team feed:
$ socketctl write team-chat-all "7 30 12"
[team-chat-from-apollo] the sum is 49
[team-chat-from-athena] the largest is 30
[team-chat-from-hermes] in order: 7 12 30

A direct message:
$ socketctl write athena "5 8" --sender me
[team-chat-from-athena] the largest is 8

hermes goes away. What is written to it waits:
$ socketctl write hermes "9 1 5" --sender me
$ socketctl ls | awk '{ print $1, $3 }'
SOCKET QUEUE
team-chat-all 0
apollo 0
athena 0
hermes 1

The replica has it all:
$ socketctl replication | grep -E '^(state|behind)'
state:        replicating
behind:       0 entries and 0 s

The registry is killed, and its data directory deleted. The agents and the Engram go on.
$ kill -9 $REGISTRY && rm -rf $DATA
$ socketctl restore --dry-run --engram-url $ENGRAM | grep ^sockets
sockets:    3

It is started again, with an empty data directory:
$ socketctl ls | awk '{ print $1, $3 }'
SOCKET QUEUE
team-chat-all 0
apollo 0
athena 0
hermes 1

The conversation goes on. apollo and athena were never stopped:
$ socketctl write team-chat-all "4 2"
[team-chat-from-apollo] the sum is 6
[team-chat-from-athena] the largest is 4

hermes comes back, and finds what waited, and what was asked since:
[team-chat-from-hermes] in order: 1 5 9
[team-chat-from-hermes] in order: 2 4

Nothing was lost, and nothing came twice.
`;
