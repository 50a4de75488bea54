// SPDX-License-Identifier: MIT
//
// Functions by address, from the ELF files of this process. Each file is mapped once and stays.
// Every offset in a file is checked against its length before it is followed.
#include "lib/libc/debug_symbols.h"
#include "lib/libc/system_call.h"
#include <linux/elf.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <string.h>

#define MODULES 24

struct module {
	char path[DEBUG_PATH_MAX];
	const uint8_t *image; // NULL: could not be opened
	size_t length;
};

static struct module modules[MODULES];
static unsigned int module_count;

static void map_file(struct module *module)
{
	long fd = system_call4(__NR_openat, AT_FDCWD, (long)module->path, O_RDONLY | O_CLOEXEC, 0);
	long length, image;

	if (fd < 0)
		return;
	length = system_call3(__NR_lseek, fd, 0, 2); // SEEK_END
	image = length <= 0 ? -1
			    : system_call6(__NR_mmap, 0, length, PROT_READ, MAP_PRIVATE, fd, 0);
	system_call1(__NR_close, fd);
	if (image < 0 && image >= -4095)
		return;
	module->image = (const uint8_t *)image;
	module->length = (size_t)length;
}

static bool is_elf(const struct module *module)
{
	const Elf64_Ehdr *header = (const void *)module->image;

	return module->image && module->length > sizeof(*header) &&
	       memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
	       header->e_ident[EI_CLASS] == ELFCLASS64;
}

static struct module *find_module(const char *path)
{
	struct module *module;

	for (unsigned int i = 0; i < module_count; i++)
		if (strcmp(modules[i].path, path) == 0)
			return &modules[i];
	if (module_count == MODULES || path[0] != '/')
		return NULL;
	module = &modules[module_count++];
	memcpy(module->path, path, DEBUG_PATH_MAX);
	map_file(module);
	if (!is_elf(module))
		module->image = NULL;
	return module;
}

static bool inside(const struct module *module, uint64_t offset, uint64_t length)
{
	return offset <= module->length && length <= module->length - offset;
}

// A place in the file as an address of the program that it holds.
static bool file_to_address(const struct module *module, uint64_t *value)
{
	const Elf64_Ehdr *header = (const void *)module->image;
	const Elf64_Phdr *segment = (const void *)(module->image + header->e_phoff);

	if (!inside(module, header->e_phoff, header->e_phnum * sizeof(*segment)))
		return false;
	for (int left = header->e_phnum; left > 0; left--, segment++) {
		if (segment->p_type != PT_LOAD || *value < segment->p_offset ||
		    *value - segment->p_offset >= segment->p_filesz)
			continue;
		*value += segment->p_vaddr - segment->p_offset;
		return true;
	}
	return false;
}

static const Elf64_Shdr *sections(const struct module *module, unsigned int *count)
{
	const Elf64_Ehdr *header = (const void *)module->image;

	*count = header->e_shnum;
	if (header->e_shentsize != sizeof(Elf64_Shdr) ||
	    !inside(module, header->e_shoff, *count * sizeof(Elf64_Shdr)))
		*count = 0;
	return (const void *)(module->image + header->e_shoff);
}

#define COMPRESSED (1u << 11) // SHF_COMPRESSED

static struct debug_section section_named(const struct module *module, const char *name)
{
	const Elf64_Ehdr *header = (const void *)module->image;
	struct debug_section found = {NULL, 0};
	unsigned int count;
	const Elf64_Shdr *all = sections(module, &count), *names;
	size_t length = strlen(name) + 1;

	if (header->e_shstrndx >= count)
		return found;
	names = &all[header->e_shstrndx];
	for (unsigned int i = 1; i < count; i++) {
		uint64_t at = names->sh_offset + all[i].sh_name;

		if (!inside(module, at, length) || memcmp(module->image + at, name, length) != 0 ||
		    (all[i].sh_flags & COMPRESSED) || all[i].sh_type == SHT_NOBITS ||
		    !inside(module, all[i].sh_offset, all[i].sh_size))
			continue;
		found.start = module->image + all[i].sh_offset;
		found.size = all[i].sh_size;
	}
	return found;
}

// The function that the address is in: by size, or, for those without one, the closest below.
static const Elf64_Sym *find_symbol(const struct debug_section *table, uint64_t address)
{
	const Elf64_Sym *symbol = (const void *)table->start, *best = NULL;

	for (size_t left = table->size / sizeof(*symbol); left > 0; left--, symbol++) {
		if (ELF_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF ||
		    symbol->st_value > address)
			continue;
		if (address - symbol->st_value < symbol->st_size)
			return symbol;
		if (symbol->st_size == 0 && (!best || best->st_value < symbol->st_value))
			best = symbol;
	}
	return best;
}

static bool name_function(const struct module *module, const char *symbols, const char *strings,
			  struct debug_place *place)
{
	struct debug_section table = section_named(module, symbols);
	struct debug_section names = section_named(module, strings);
	const Elf64_Sym *symbol = find_symbol(&table, place->module_address);
	size_t length = 0;

	if (!symbol || symbol->st_name >= names.size)
		return false;
	while (length + 1 < sizeof(place->function) && symbol->st_name + length < names.size &&
	       names.start[symbol->st_name + length])
		length++;
	memcpy(place->function, names.start + symbol->st_name, length);
	place->function[length] = '\0';
	place->offset = place->module_address - symbol->st_value;
	return true;
}

void debug_symbolise(uintptr_t address, struct debug_place *place)
{
	struct debug_section lines, line_strings, strings;
	struct debug_mapping mapping;
	struct module *module;

	memset(place, 0, sizeof(*place));
	if (!debug_find_mapping(address, &mapping))
		return;
	memcpy(place->module, mapping.path, DEBUG_PATH_MAX);
	place->module_address = address - mapping.start + mapping.offset;
	module = find_module(mapping.path);
	if (!module || !module->image || !file_to_address(module, &place->module_address))
		return;
	if (!name_function(module, ".symtab", ".strtab", place))
		name_function(module, ".dynsym", ".dynstr", place);
	lines = section_named(module, ".debug_line");
	line_strings = section_named(module, ".debug_line_str");
	strings = section_named(module, ".debug_str");
	debug_find_line(&lines, &line_strings, &strings, place->module_address, place);
}
