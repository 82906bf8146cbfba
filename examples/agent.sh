# One turn of an agent: the message comes on standard input, and the answer is said to the team.
#
#   socketctl read apollo --follow --exec 'sh examples/agent.sh'
#
# makes an agent of it: it is run for each message of apollo, also over restarts of the server, and a message is taken
# when this has succeeded. Where the rules stand, a program would call its model.
set -e
numbers=$(cat)
sorted() { echo "$numbers" | tr ' ' '\n' | sort -n; }

case $SOCKET_ID in
apollo) answer="the sum is $(sorted | awk '{ sum += $1 } END { print sum }')" ;;
athena) answer="the largest is $(sorted | tail -n 1)" ;;
hermes) answer="in order: $(sorted | paste -s -d ' ' -)" ;;
esac

# A message may come twice, if nobody heard that it was done. With the same request id it is answered once.
socketctl write "$SOCKET_ID" "$answer" \
  --sender "$SOCKET_ID" --reply-to "$MESSAGE_ID" --request-id "$SOCKET_ID-$MESSAGE_ID"
