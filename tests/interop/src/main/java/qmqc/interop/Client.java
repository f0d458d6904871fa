package qmqc.interop;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import qunar.tc.qmq.Message;
import qunar.tc.qmq.MessageListener;
import qunar.tc.qmq.MessageSendStateListener;
import qunar.tc.qmq.SubscribeParam;
import qunar.tc.qmq.TagType;
import qunar.tc.qmq.consumer.MessageConsumerProvider;
import qunar.tc.qmq.producer.MessageProducerProvider;

/**
 * One process of the official client, told what to do on standard input and telling what happened on standard output, a line each.
 * <pre>
 * consume NAME SUBJECT GROUP any:T,T|all:T,T|- FAIL   every FAIL-th message (0: none) is refused at its first delivery
 * broadcast NAME SUBJECT
 * produce SUBJECT FROM COUNT                          attribute n = FROM .. FROM + COUNT - 1; tags: even or odd, and ten
 * quit
 * </pre>
 * Answers: {@code ready NAME}, {@code got NAME n id times}, {@code refused NAME n id}, {@code sent n id}, {@code failed n id}, {@code produced FROM COUNT}, {@code bye}.
 */
public final class Client {
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private static final Set<String> REFUSED = ConcurrentHashMap.newKeySet();

    private final String metaServer;
    private final ExecutorService executor = Executors.newFixedThreadPool(4);
    private MessageProducerProvider producer;
    private MessageConsumerProvider consumer;

    private Client(String metaServer) {
        this.metaServer = metaServer;
    }

    public static void main(String[] args) throws Exception {
        Client client = new Client(args[0]);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null && !line.equals("quit"); line = in.readLine()) {
            client.run(line.trim().split(" "));
        }
        client.close();
        say("bye");
        System.exit(0);
    }

    private static void say(String line) {
        synchronized (OUT) {
            OUT.println(line);
        }
    }

    private void run(String[] words) throws Exception {
        switch (words[0]) {
            case "consume" -> consume(words[1], words[2], words[3], words[4], Integer.parseInt(words[5]));
            case "broadcast" -> broadcast(words[1], words[2]);
            case "produce" -> produce(words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3]));
            default -> say("unknown " + words[0]);
        }
    }

    private MessageConsumerProvider consumer() {
        if (consumer == null) {
            consumer = new MessageConsumerProvider();
            consumer.setAppCode("interop");
            consumer.setMetaServer(metaServer);
            consumer.init();
        }
        return consumer;
    }

    private static MessageListener listener(String name, int fail) {
        return message -> {
            int n = message.getIntProperty("n");
            String key = name + "/" + n;
            if (fail > 0 && n % fail == 0 && REFUSED.add(key)) {
                say("refused " + name + " " + n + " " + message.getMessageId());
                throw new IllegalStateException("refused on purpose");
            }
            say("got " + name + " " + n + " " + message.getMessageId() + " " + message.times());
        };
    }

    private void consume(String name, String subject, String group, String tags, int fail) {
        SubscribeParam.SubscribeParamBuilder param = new SubscribeParam.SubscribeParamBuilder();
        if (!tags.equals("-")) {
            param.setTagType(tags.startsWith("all:") ? TagType.AND : TagType.OR);
            param.setTags(new HashSet<>(Arrays.asList(tags.substring(4).split(","))));
        }
        consumer().addListener(subject, group, listener(name, fail), executor, param.create());
        say("ready " + name);
    }

    private void broadcast(String name, String subject) {
        SubscribeParam param = new SubscribeParam.SubscribeParamBuilder().setBroadcast(true).create();
        consumer().addListener(subject, "", listener(name, 0), executor, param);
        say("ready " + name);
    }

    private void produce(String subject, int from, int count) throws Exception {
        if (producer == null) {
            producer = new MessageProducerProvider();
            producer.setAppCode("interop");
            producer.setMetaServer(metaServer);
            producer.init();
        }
        CountDownLatch left = new CountDownLatch(count);
        MessageSendStateListener verdict = new MessageSendStateListener() {
            @Override
            public void onSuccess(Message message) {
                say("sent " + message.getIntProperty("n") + " " + message.getMessageId());
                left.countDown();
            }

            @Override
            public void onFailed(Message message) {
                say("failed " + message.getIntProperty("n") + " " + message.getMessageId());
                left.countDown();
            }
        };
        for (int n = from; n < from + count; n++) {
            Message message = producer.generateMessage(subject);
            message.setProperty("n", n);
            message.addTag(n % 2 == 0 ? "even" : "odd");
            if (n % 10 == 0) {
                message.addTag("ten");
            }
            producer.sendMessage(message, verdict);
            if (n - from >= 5000 && (n - from) % 1000 == 0) {
                while (left.getCount() > count - (n - from) + 5000) {
                    Thread.sleep(5);
                }
            }
        }
        Thread waiter = new Thread(() -> {
            try {
                left.await();
                say("produced " + from + " " + count);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        waiter.setDaemon(true);
        waiter.start();
    }

    private void close() {
        if (producer != null) {
            producer.destroy();
        }
        if (consumer != null) {
            consumer.destroy();
        }
        executor.shutdownNow();
    }
}
