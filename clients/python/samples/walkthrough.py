"""What a program does with a registry, one section after the other. The sections are what the README shows."""

import asyncio
import os

# section: connect
from socket_registry import Message, RegistryError, connect

address = os.environ.get("SOCKET_REGISTRY_ADDRESS", "127.0.0.1:50051")


async def main() -> None:
    async with connect(address) as registry:
        # end: connect
        # What an earlier run left behind.
        for socket_id in ("apollo", "athena"):
            await registry.socket(socket_id).delete(allow_missing=True)
        await registry.team.drain()

        # section: create
        apollo = await registry.create(
            "apollo",
            model="claude-3",
            prompt="You are Apollo",
            context={"role": "predictor"},
            on_conflict="USE_EXISTING",
        )
        athena = await registry.create(
            "athena",
            model="gpt-4",
            prompt="You are Athena",
            context={"role": "knowledge"},
            on_conflict="USE_EXISTING",
        )
        print(f"created {apollo.id} and {athena.id}")
        # end: create

        # section: write
        written = await apollo.write("What's your prediction?", {"priority": "high"}, sender="me")
        print(f"delivered to {written.delivered_count}")
        # end: write

        # section: bulk
        async with registry.writer() as writer:
            lines = [writer.write("athena", f"line {number}", sender="me") for number in range(1_000)]
            await asyncio.gather(*lines)
        # end: bulk
        await athena.drain()

        # section: drain
        for message in await apollo.drain():
            print(f"{message.header} {message.content} (priority: {message.metadata['priority']})")
        # end: drain

        # section: messages
        await apollo.write("job 1", sender="me")
        await apollo.write("job 2", sender="me")
        async with apollo.messages() as messages:
            async for message in messages:
                print(f"{message.content}, attempt {message.delivery_attempt}")
                if message.content == "job 1" and message.delivery_attempt == 1:
                    await message.nack()  # It failed: once more, please.
                elif message.content == "job 2":
                    break  # An exception would have given the message back; this acknowledges it.
        # end: messages

        # section: broadcast
        question = await registry.broadcast("How can we optimize our system?")
        print(f"asked {question.delivered_count}")

        # Each finds the question in its own queue. What it says to itself is its answer.
        for agent, idea in ((apollo, "Measure first."), (athena, "Cache what is asked twice.")):
            for message in await agent.drain():
                await agent.say(idea, reply_to=message.message_id)
        # end: broadcast

        # section: feed
        for message in await registry.team.drain():
            print(f"{message.header} {message.content}")
        # end: feed

        # section: ask
        async def calculate(message: Message) -> str:
            return "4"

        agent_task = asyncio.create_task(registry.agent("apollo", calculate))
        async for reply in registry.ask("2 + 2?", "apollo", sender="me"):
            print(f"{reply.sender} answered: {reply.content}")
        agent_task.cancel()  # It settles what it has done, and leaves in good order.
        # end: ask
        await asyncio.wait([agent_task])

        # section: errors
        try:
            await registry.socket("nobody").write("Are you there?")
        except RegistryError as error:
            print(f"{error.reason}: {error.metadata['socket_id']}")
        # end: errors

        # section: watch
        async for change in registry.watch(socket_id="apollo"):
            print(change.type.lower())
            if change.type == "SYNCED":
                await apollo.delete()
            if change.type == "DELETED":
                break
        # end: watch
        await athena.delete()


asyncio.run(main())
