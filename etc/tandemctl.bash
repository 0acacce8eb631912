# bash completion for tandemctl(8): commands, their options, and the words that they take.

_tandemctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= i
	COMPREPLY=()
	case $before in
	--runtime-dir)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	--deadline | --last)
		return
		;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--runtime-dir) ((i++)) ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done

	local words='' files=
	case $command in
	'')
		words='status metrics why events server reload plan repair drain ready weight fail switchover resync push
			maintenance keygen realserver --version --help'
		;;
	reload | push) words=--yes ;;
	why) words=--last ;;
	plan) files=1 ;;
	drain) words='--deadline --wait' ;;
	switchover) words=--force ;;
	maintenance) words='on standby off' ;;
	keygen)
		words='--add --activate --drop --list'
		files=1
		;;
	realserver) words='plan apply undo check' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words --runtime-dir --json" -- "$word")
	if [[ $files && $word != -* ]]; then
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")
		compopt -o filenames 2>/dev/null
	fi
}

complete -F _tandemctl tandemctl
