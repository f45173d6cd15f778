# METADATA
# title: Texts of denials
# description: One message catalogue, `data.messages`, in Chinese and English; names are filled in here.
# custom:
#   basis: Personal Information Protection Law, article 7 (openness and transparency)
package sharing.access.denial

# METADATA
# description: >-
#   A denial by `rule`. `names` go into the message, `remedy_names` into the remedy; neither may say more than the
#   requester wrote or may know.
make(code, rule, names, remedy, remedy_names) := {
	"code": code,
	"rule": rule,
	"message": filled(object.get(data.messages.message, code, null), names),
	"legal_basis": object.get(data.messages.basis, rule, null),
	"remedy": filled(object.get(data.messages.remedy, remedy, null), remedy_names),
}

# METADATA
# description: The same denial with a title of the catalogue, in the language of each text.
titled(made, title) := object.union(made, {
	"message": named(made.message, title),
	"remedy": named(made.remedy, title),
})

filled(text, names) := {
	"zh": replace(replace(text.zh, "{name}", concat("、", names)), "{purpose}", purpose),
	"en": replace(replace(text.en, "{name}", concat(", ", names)), "{purpose}", purpose),
}

named(text, title) := {
	"zh": replace(text.zh, "{title}", title.zh),
	"en": replace(text.en, "{title}", title.en),
}

default purpose := ""

purpose := input.purpose if is_string(input.purpose)
