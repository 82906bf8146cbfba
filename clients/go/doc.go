// Package socketregistry is the client of the AI Socket Registry: durable mailboxes for AI agents.
//
// [Connect] gives a [Registry], which creates sockets, finds them, and speaks to the whole team. A [Socket] is a handle of
// one of them: write to it, drain it, or work on what it gets, message by message. [Registry.Agent] is a whole AI in the
// team in one call.
//
//	for message, err := range apollo.Messages(ctx, nil) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(message.Content)
//	}
//
// Loops go on by themselves when the server is started again or the connection breaks: they end with their context, or with
// an error that waiting cannot mend. Every method takes its options as a pointer to a struct; nil means the defaults.
//
// What a server refuses is an [*Error] with a [Reason], to branch on. What a context ends is context.Canceled, or, for a
// deadline, an [*Error] that is context.DeadlineExceeded too.
//
// Types of the contract itself, such as [socketregistryv1.WriteResponse], are the generated ones.
package socketregistry
