/* A Kafka cluster for tests: librdkafka's mock, in a process of its own, with a consumer that writes
 * down what arrives.
 *
 *   kafka_cluster BROKERS FILE TOPIC:PARTITIONS...
 *
 * Prints "bootstrap HOST:PORT,...". FILE gets a line a message, in the order of each partition:
 *   TOPIC <tab> PARTITION <tab> KEY or - <tab> HEADERS <tab> MILLISECONDS <tab> VALUE
 * The mock forgets what is old: a consumer that comes later would not find it all.
 * Commands come as lines; each is answered with "ok", or ends the program:
 *   down N, up N           broker N (from 1; -1: all) is gone, and comes back
 *   refuse API COUNT CODE  the next COUNT requests of this kind fail with this code of the protocol
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

static void fail(const char *what, const char *why) {
  fprintf(stderr, "kafka_cluster: %s: %s\n", what, why);
  exit(1);
}

static void check(const char *what, rd_kafka_resp_err_t error) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) fail(what, rd_kafka_err2str(error));
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char why[256];
  if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK) fail(name, why);
}

static void swallow(const rd_kafka_t *client, int level, const char *facility, const char *text) {
  (void)client, (void)level, (void)facility, (void)text;
}

static rd_kafka_t *make(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
  char why[256];
  rd_kafka_conf_set_log_cb(conf, swallow);
  rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof(why));
  if (client == NULL) fail("client", why);
  return client;
}

static rd_kafka_t *make_consumer(const char *bootstrap) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", bootstrap);
  set(conf, "group.id", "test");
  set(conf, "enable.auto.commit", "false");
  set(conf, "auto.offset.reset", "earliest");
  set(conf, "fetch.wait.max.ms", "50");
  set(conf, "reconnect.backoff.max.ms", "200");
  rd_kafka_t *consumer = make(RD_KAFKA_CONSUMER, conf);
  rd_kafka_poll_set_consumer(consumer);
  return consumer;
}

static void write_headers(FILE *to, const rd_kafka_message_t *message) {
  rd_kafka_headers_t *headers;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char *name;
  const void *value;
  size_t size;
  for (size_t at = 0; rd_kafka_header_get_all(headers, at, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++at)
    fprintf(to, "%s%s=%.*s", at > 0 ? "," : "", name, (int)size, (const char *)value);
}

static void write_message(FILE *to, const rd_kafka_message_t *message) {
  fprintf(to, "%s\t%d\t", rd_kafka_topic_name(message->rkt), (int)message->partition);
  if (message->key == NULL)
    fputc('-', to);
  else
    fwrite(message->key, 1, message->key_len, to);
  fputc('\t', to);
  write_headers(to, message);
  fprintf(to, "\t%lld\t", (long long)rd_kafka_message_timestamp(message, NULL));
  fwrite(message->payload, 1, message->len, to);
  fputc('\n', to);
}

static void obey(rd_kafka_mock_cluster_t *cluster, const char *line) {
  int first, second, third;
  if (sscanf(line, "down %d", &first) == 1) {
    check("down", rd_kafka_mock_broker_set_down(cluster, first));
  } else if (sscanf(line, "up %d", &first) == 1) {
    check("up", rd_kafka_mock_broker_set_up(cluster, first));
  } else if (sscanf(line, "refuse %d %d %d", &first, &second, &third) == 3) {
    for (int count = 0; count < second; ++count)
      rd_kafka_mock_push_request_errors(cluster, (int16_t)first, 1, (rd_kafka_resp_err_t)third);
  } else {
    fail("no such command", line);
  }
  puts("ok");
}

/* Whole lines that have come on standard input. */
static void take_commands(rd_kafka_mock_cluster_t *cluster) {
  static char text[4096];
  static size_t size;
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  while (poll(&input, 1, 0) > 0) {
    const ssize_t got = read(STDIN_FILENO, text + size, sizeof(text) - 1 - size);
    if (got <= 0) exit(0);
    size += (size_t)got;
    text[size] = '\0';
    for (char *end; (end = strchr(text, '\n')) != NULL;) {
      *end = '\0';
      obey(cluster, text);
      size -= (size_t)(end + 1 - text);
      memmove(text, end + 1, size + 1);
    }
    fflush(stdout);
  }
}

int main(int count, char **arguments) {
  if (count < 4) fail("usage", "kafka_cluster BROKERS FILE TOPIC:PARTITIONS...");
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_t *keeper = make(RD_KAFKA_PRODUCER, conf);
  rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(keeper, atoi(arguments[1]));
  FILE *arrived = fopen(arguments[2], "w");
  if (cluster == NULL || arrived == NULL) fail("start", arguments[2]);

  rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(count);
  for (int at = 3; at < count; ++at) {
    char *colon = strchr(arguments[at], ':');
    if (colon == NULL) fail("no partitions", arguments[at]);
    *colon = '\0';
    const int partitions = atoi(colon + 1);
    check("topic", rd_kafka_mock_topic_create(cluster, arguments[at], partitions, atoi(arguments[1])));
    for (int partition = 0; partition < partitions; ++partition)
      rd_kafka_topic_partition_list_add(all, arguments[at], partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_t *consumer = make_consumer(rd_kafka_mock_cluster_bootstraps(cluster));
  check("assign", rd_kafka_assign(consumer, all));
  printf("bootstrap %s\n", rd_kafka_mock_cluster_bootstraps(cluster));
  fflush(stdout);
  for (;;) {
    take_commands(cluster);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 20);
    for (; message != NULL; message = rd_kafka_consumer_poll(consumer, 0)) {
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) write_message(arrived, message);
      rd_kafka_message_destroy(message);
    }
    fflush(arrived);
  }
}
