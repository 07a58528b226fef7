// a code that came in the address, behind the #: no server sees it there
{let c=location.hash.slice(1),t=document.getElementById("t");if(t&&/^[\d-]{6,20}$/.test(c)){t.value=c;history.replaceState(null,"",location.pathname)}}
