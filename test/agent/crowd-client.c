/* Many client processes at once: crowd SOCKET COUNT PACKET... Each process sends every packet (a file with an
 * encoded dRPC call of sequence 1) on a connection of its own, as libdaos does. Prints how many failed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int call(const char *path, const unsigned char *packet, size_t length)
{
	static unsigned char answer[1 << 19];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	ssize_t got;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	if (fd < 0)
		return 1;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return 2;
	if (send(fd, packet, length, MSG_NOSIGNAL) != (ssize_t)length)
		return 3;
	got = recv(fd, answer, sizeof(answer), 0);
	close(fd);
	/* sequence 1, no status (SUCCESS), a body */
	return got > 4 && answer[0] == 0x08 && answer[1] == 0x01 && answer[2] == 0x1a ? 0 : 4;
}

int main(int argc, char **argv)
{
	static unsigned char packets[8][4096];
	size_t lengths[8];
	int count = atoi(argv[2]), kinds = argc - 3, failed = 0, started = 0;
	int gate[2];

	for (int kind = 0; kind < kinds; kind++) {
		FILE *file = fopen(argv[3 + kind], "rb");
		lengths[kind] = fread(packets[kind], 1, sizeof(packets[kind]), file);
		fclose(file);
	}
	if (pipe(gate) != 0)
		return 1;
	for (int n = 0; n < count; n++) {
		pid_t pid = fork();
		if (pid < 0) {
			failed++;
			continue;
		}
		if (pid == 0) {
			char byte;
			close(gate[1]);
			if (read(gate[0], &byte, 1) < 0) /* opens for all at once */
				_exit(9);
			for (int kind = 0; kind < kinds; kind++) {
				int rc = call(argv[1], packets[kind], lengths[kind]);
				if (rc != 0)
					_exit(rc);
			}
			_exit(0);
		}
		started++;
	}
	close(gate[0]);
	close(gate[1]);
	for (int n = 0; n < started; n++) {
		int status;
		wait(&status);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			failed++;
			fprintf(stderr, "client ended with %d: %s\n", WEXITSTATUS(status), strerror(errno));
		}
	}
	printf("%d of %d failed\n", failed, count);
	return failed != 0;
}
