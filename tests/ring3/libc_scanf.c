// SPDX-License-Identifier: MIT
//
// Formatted input, as three C libraries have it.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void integers(void)
{
	static const char *const texts[] = {"12",
					    " -7x",
					    "+3",
					    "0x1f",
					    "017",
					    "abc",
					    "",
					    "   ",
					    "0x",
					    "-",
					    "0xg1",
					    "99999999999",
					    "1 2",
					    "08",
					    "- 5",
					    "7fffffffffffffffff",
					    "-2147483649",
					    "18446744073709551615"};
	static const char *const formats[] = {"%d%n", "%i%n", "%x%n", "%o%n", "%u%n", "%3d%n"};

	for (size_t f = 0; f < sizeof(formats) / sizeof(*formats); f++) {
		for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
			int value = 777, length = -1;
			int result = sscanf(texts[i], formats[f], &value, &length);

			printf("%s of \"%s\": %d %d %d\n", formats[f], texts[i], result, value,
			       length);
		}
	}
}

static void lengths(void)
{
	signed char tiny = 0;
	short small = 0;
	long large = 0;
	long long larger = 0;
	size_t size = 0;
	void *pointer = NULL;
	int result = sscanf(
		"300 70000 -5000000000 9223372036854775808 18446744073709551616 0xbeef",
		"%hhd %hd %ld %lld %zu %p", &tiny, &small, &large, &larger, &size, &pointer);

	printf("%d: %d %d %ld %lld %zu %p\n", result, tiny, small, large, larger, size, pointer);
}

static void texts(void)
{
	char word[16] = "", set[16] = "", letters[4] = "", rest[16] = "";
	int number = 0, result, length = 0;

	result = sscanf("  hello [x-y]  ab7c", "%5s [%[a-z-]] %2c%d%s", word, set, letters,
			&number, rest);
	printf("%d: %s %s %s %d %s\n", result, word, set, letters, number, rest);
	result = sscanf("abcdef", "%3s%n%c", word, &length, letters);
	printf("%d: %s %d %c\n", result, word, length, letters[0]);
	result = sscanf("key = value; 5", "%[^= ] = %[^;]; %d", word, rest, &number);
	printf("%d: %s %s %d\n", result, word, rest, number);
	printf("%d ", sscanf("]]a", "%[]]%s", word, rest));
	printf("%s %s\n", word, rest);
	printf("%d ", sscanf("a-c", "%[^]a]%s", word, rest));
	printf("%d %s\n", sscanf("a-c", "%[a]-%s", word, rest), rest);
	printf("%d %d\n", sscanf("100%", "%d%%%n", &number, &length), length);
	printf("%d %d\n", sscanf("1 2 3", "%*d %d %*d", &number), number);
	printf("%d %d\n", sscanf("", "%s", word), sscanf("x", "y%s", word));
	printf("%d %d\n", sscanf("", "y"), sscanf("ab", "%3c", letters));
	printf("%d %d\n", sscanf("5", "%d %d", &number, &number), sscanf(" ", "%*d%d", &number));
}

static void streams(void)
{
	int ends[2], number = 0, result;
	char word[16] = "";
	FILE *file;

	if (pipe(ends) < 0 || write(ends[1], "12 apples\n-3 pears\nx", 20) != 20)
		return;
	close(ends[1]);
	file = fdopen(ends[0], "r");
	while ((result = fscanf(file, "%d %15s", &number, word)) == 2)
		printf("%d %s\n", number, word);
	printf("%d, then %c\n", result, fgetc(file));
	printf("%d\n", fscanf(file, "%d", &number));
	fclose(file);
	printf("%d\n", scanf("%d", &number));
}

int main(void)
{
	integers();
	lengths();
	texts();
	streams();
	return 0;
}
